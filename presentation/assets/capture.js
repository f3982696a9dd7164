// Evidence: camera, files, recordings, signatures, and where they are taken. Photos and files come in without it, too.
'use strict'
;(() => {
    const closest = (event, selector) => event.target instanceof Element ? event.target.closest(selector) : null
    const within = selector => [...document.querySelectorAll(selector)]

    // Where the terminal is. A capture never waits for it: it is told what is known by then, or why nothing is.
    const FRESH_MS = 60_000
    const place = { fix: null, why: 'not_asked', asking: false }
    const locate = () => {
        if (place.asking || place.fix && Date.now() - place.fix.at < FRESH_MS) return
        if (!navigator.geolocation) { place.why = 'unavailable'; return }
        place.asking = true
        place.why = 'timeout'
        const found = position => {
            const { latitude, longitude, accuracy } = position.coords
            place.fix = { latitude, longitude, accuracy, at: Math.round(position.timestamp) }
            place.asking = false
        }
        const failed = error => {
            place.why = ['unavailable', 'denied', 'unavailable', 'timeout'][error.code] ?? 'unavailable'
            place.asking = false
        }
        navigator.geolocation.getCurrentPosition(found, failed, { enableHighAccuracy: true, maximumAge: FRESH_MS, timeout: 30_000 })
    }
    const whereNow = () => place.fix ? JSON.stringify(place.fix) : place.why
    // Asked for when somebody is about to capture something; before that only where it is allowed already.
    if (document.querySelector('form[data-upload], [data-recorder], [data-pad]')) {
        navigator.permissions?.query({ name: 'geolocation' }).then(known => { if (known.state === 'granted') locate() }, () => {})
    }
    document.addEventListener('pointerdown', event => {
        if (closest(event, 'form[data-upload], [data-recorder], [data-pad]')) locate()
    })

    // The answer takes the place of what it replaces.
    const swap = markup => {
        const parsed = new DOMParser().parseFromString(markup, 'text/html')
        for (const part of [...parsed.body.children]) {
            const old = part.id && document.getElementById(part.id)
            if (!old) continue
            old.replaceWith(part)
            globalThis.htmx?.process(part)
            wake(part)
        }
    }
    const gone = () => {
        const notice = document.getElementById('fp-gone')
        if (notice) notice.hidden = false
    }

    // Camera and files: sent as soon as they are chosen, with progress; forms that ask for more are sent as a whole.
    const upload = (form, body) => {
        const request = new XMLHttpRequest()
        const progress = form.querySelector('progress')
        const show = shown => { if (progress) progress.hidden = !shown }
        const failed = () => {
            show(false)
            form.reset()
            gone()
        }
        request.open('POST', form.action)
        request.setRequestHeader('HX-Request', 'true')
        request.upload.addEventListener('progress', event => {
            if (progress && event.lengthComputable) progress.value = Math.round(100 * event.loaded / event.total)
        })
        request.addEventListener('load', () => {
            show(false)
            form.reset()
            const around = form.closest('details')
            if (around && request.status < 300) around.open = false
            swap(request.responseText)
        })
        request.addEventListener('error', failed)
        request.addEventListener('abort', failed)
        show(true)
        body.set('place', whereNow())
        request.send(body)
    }
    document.addEventListener('change', event => {
        const form = closest(event, 'form[data-upload]')
        if (!form || !event.target.matches('input[type="file"]') || event.target.files.length === 0) return
        if (form.dataset.whole === undefined) upload(form, new FormData(form))
        else {
            // A file tells when it was written last, a hint for what the device's clock said. All users are in China (UTC+8).
            const clock = form.elements.namedItem('device_clock')
            const written = new Date(event.target.files[0].lastModified + 8 * 3_600_000)
            if (clock && clock.value === '') clock.value = written.toISOString().slice(0, 19)
        }
    })
    document.addEventListener('submit', event => {
        const form = closest(event, 'form[data-upload][data-whole]')
        if (!form) return
        event.preventDefault()
        upload(form, new FormData(form))
    })

    // Recordings: what the microphone or the camera gives goes to the terminal every two seconds, and is on the disk when it
    // has answered. Whatever ends the page, what went before is kept.
    const SLICE_MS = 2000
    const TYPES = {
        audio: ['audio/webm;codecs=opus', 'audio/mp4', 'audio/webm'],
        video: ['video/webm;codecs=vp8,opus', 'video/mp4', 'video/webm'],
    }
    const BITS = { audio: 64_000, video: 2_500_000 }
    let recording = null
    const post = async (path, body) => {
        const answer = await fetch(path, { method: 'POST', body, headers: { 'HX-Request': 'true' }, credentials: 'same-origin' })
        if (!answer.ok) throw new Error(await answer.text())
        return answer
    }
    const clockText = seconds => [Math.floor(seconds / 60), seconds % 60].map(part => String(Math.floor(part)).padStart(2, '0')).join(':')
    const tell = (box, key) => {
        const said = box.querySelector('[data-said]')
        said.textContent = key ? box.dataset[key] : ''
        said.hidden = !key
    }
    const record = async (box, kind) => {
        if (recording) return
        const type = TYPES[kind].find(type => MediaRecorder.isTypeSupported(type))
        recording = { box }
        let media
        try {
            media = await navigator.mediaDevices.getUserMedia({ audio: true, video: kind === 'video' && { facingMode: 'environment' } })
        } catch (error) {
            recording = null
            tell(box, error.name === 'NotAllowedError' ? 'denied' : 'missing')
            return
        }
        const stop = () => media.getTracks().forEach(track => track.stop())
        let begun
        try {
            const body = new URLSearchParams({ kind, media_type: type.split(';')[0], item: box.dataset.item, place: whereNow() })
            begun = await (await post(box.dataset.recorder, body)).json()
        } catch {
            stop()
            recording = null
            tell(box, 'refused')
            return
        }
        const path = `${box.dataset.recorder}/${begun.recording}`
        const recorder = new MediaRecorder(media, { mimeType: type, audioBitsPerSecond: BITS.audio, videoBitsPerSecond: BITS.video })
        const began = performance.now()
        const [idle, running] = [box.querySelector('[data-idle]'), box.querySelector('[data-running]')]
        const [elapsed, left, preview] = ['elapsed', 'left', 'preview'].map(name => box.querySelector(`[data-${name}]`))
        let [at, chain, broken] = [0, Promise.resolve(), false]
        const room = bytes => {
            const minutes = Math.floor(bytes * 8 / (BITS.audio + (kind === 'video' ? BITS.video : 0)) / 60)
            left.textContent = left.dataset.text.replace('{n}', String(minutes))
            left.classList.toggle('fp-warn', minutes < 5)
        }
        const append = async piece => {
            if (broken) return
            try {
                const answer = await (await post(`${path}?at=${at}`, piece)).json()
                at = answer.bytes
                room(answer.bytes_left)
            } catch {
                broken = true
                recorder.stop()
            }
        }
        const ticking = setInterval(() => { elapsed.textContent = clockText((performance.now() - began) / 1000) }, 500)
        recorder.addEventListener('dataavailable', event => {
            if (event.data.size > 0) chain = chain.then(() => append(event.data))
        })
        recorder.addEventListener('stop', async () => {
            clearInterval(ticking)
            stop()
            await chain
            recording = null
            running.hidden = true
            idle.hidden = false
            try {
                const said = new URLSearchParams({ broken: broken ? 'yes' : '' })
                swap(await (await post(`${path}/end`, said)).text())
                if (broken) tell(document.getElementById(box.id) ?? box, 'broken')
            } catch {
                gone()
            }
        })
        tell(box, '')
        elapsed.textContent = clockText(0)
        room(begun.bytes_left)
        preview.hidden = kind !== 'video'
        if (kind === 'video') preview.srcObject = media
        idle.hidden = true
        running.hidden = false
        recording = { box, stop: () => recorder.state !== 'inactive' && recorder.stop() }
        recorder.start(SLICE_MS)
        running.querySelector('[data-stop]').focus()
    }
    document.addEventListener('click', event => {
        const button = closest(event, '[data-recorder] [data-record]')
        if (button) record(button.closest('[data-recorder]'), button.dataset.record)
        if (closest(event, '[data-recorder] [data-stop]')) recording?.stop?.()
    })
    addEventListener('beforeunload', event => { if (recording?.stop) event.preventDefault() })
    addEventListener('pagehide', () => recording?.stop?.())

    // Signatures: strokes as they were drawn, with time and pressure, and the picture that they make.
    const pads = new WeakMap()
    const draw = pad => {
        const { canvas, strokes } = pad
        const context = canvas.getContext('2d')
        context.fillStyle = '#fff'
        context.fillRect(0, 0, canvas.width, canvas.height)
        context.strokeStyle = '#000'
        context.lineCap = context.lineJoin = 'round'
        for (const stroke of strokes) {
            for (let n = 0; n < stroke.length; n++) {
                const [from, to] = [stroke[Math.max(0, n - 1)], stroke[n]]
                context.lineWidth = pad.scale * (1.5 + 2 * to[3])
                context.beginPath()
                context.moveTo(pad.scale * from[0], pad.scale * from[1])
                context.lineTo(pad.scale * to[0], pad.scale * to[1])
                context.stroke()
            }
        }
    }
    const fit = pad => {
        const box = pad.canvas.getBoundingClientRect()
        if (box.width === 0 || pad.strokes.length > 0) return
        pad.scale = Math.max(2, devicePixelRatio)
        ;[pad.width, pad.height] = [Math.round(box.width), Math.round(box.height)]
        ;[pad.canvas.width, pad.canvas.height] = [pad.width * pad.scale, pad.height * pad.scale]
        draw(pad)
    }
    const ready = pad => { pad.form.querySelector('[data-send]').disabled = pad.strokes.length === 0 }
    const wakePad = form => {
        const canvas = form.querySelector('canvas')
        const pad = { form, canvas, strokes: [], began: 0, scale: 2 }
        pads.set(form, pad)
        const point = event => {
            const box = canvas.getBoundingClientRect()
            const round = value => Math.round(10 * value) / 10
            const pressure = event.pointerType === 'mouse' ? 0.5 : event.pressure
            return [round(event.clientX - box.left), round(event.clientY - box.top), Math.round(event.timeStamp - pad.began), Math.round(100 * pressure) / 100]
        }
        canvas.addEventListener('pointerdown', event => {
            event.preventDefault()
            canvas.setPointerCapture(event.pointerId)
            if (pad.strokes.length === 0) [pad.began, pad.beganAt] = [event.timeStamp, Date.now()]
            pad.strokes.push([point(event)])
            draw(pad)
            ready(pad)
        })
        canvas.addEventListener('pointermove', event => {
            if (!canvas.hasPointerCapture(event.pointerId)) return
            const all = event.getCoalescedEvents?.() ?? []
            pad.strokes.at(-1).push(...(all.length > 0 ? all : [event]).map(point))
            draw(pad)
        })
        form.querySelector('[data-clear]').addEventListener('click', () => {
            pad.strokes = []
            fit(pad)
            draw(pad)
            ready(pad)
        })
        form.closest('details')?.addEventListener('toggle', () => fit(pad))
        new ResizeObserver(() => fit(pad)).observe(canvas)
        ready(pad)
    }
    document.addEventListener('submit', event => {
        const form = closest(event, 'form[data-pad]')
        if (!form) return
        event.preventDefault()
        const pad = pads.get(form)
        if (pad.strokes.length === 0) return
        const { width, height, strokes, beganAt } = pad
        pad.canvas.toBlob(picture => {
            const body = new FormData(form)
            body.set('strokes', JSON.stringify({ format: 1, width, height, began_at_ms: beganAt, strokes }))
            body.set('file', picture, 'signature.png')
            pad.strokes = []
            upload(form, body)
            draw(pad)
            ready(pad)
        }, 'image/png')
    })

    // What only scripts can do appears where they run.
    const wake = part => {
        const all = selector => [...part.querySelectorAll(selector), ...(part.matches?.(selector) ? [part] : [])]
        const records = navigator.mediaDevices?.getUserMedia && globalThis.MediaRecorder
        for (const box of all('[data-recorder]')) box.hidden = !records
        for (const form of all('form[data-pad]')) wakePad(form)
        for (const shown of all('[data-scripted]')) shown.hidden = false
    }
    wake(document.body)
    // A page that comes by itself holds none of these; what htmx swaps in may.
    document.addEventListener('htmx:after:swap', () => {
        for (const box of within('[data-recorder][hidden]')) wake(box)
    })
})()
