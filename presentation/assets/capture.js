// Evidence: camera, files, recordings, signatures, and where they are taken. Photos and files come in without it, too.
'use strict'
;(() => {
    const closest = (event, selector) => event.target instanceof Element ? event.target.closest(selector) : null
    const within = selector => [...document.querySelectorAll(selector)]

    // Where the terminal is. A capture never waits for it: it is told what is known by then, or why nothing is.
    const FRESH_MS = 60_000
    const OLD_MS = 300_000 // an officer has walked elsewhere since
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
    const whereNow = () => place.fix && Date.now() - place.fix.at < OLD_MS ? JSON.stringify(place.fix) : place.why
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
    const upload = (form, body, kept = () => {}) => {
        if (form.dataset.sending) return
        form.dataset.sending = 'yes'
        const request = new XMLHttpRequest()
        const progress = form.querySelector('progress')
        const show = shown => { if (progress) progress.hidden = !shown }
        // What was filled in stays, to be sent again. A file that was chosen is chosen anew.
        const refused = () => {
            const send = form.querySelector('[data-send]')
            if (send) send.disabled = false
            if (form.dataset.whole === undefined && form.dataset.pad === undefined) form.reset()
        }
        const failed = () => {
            show(false)
            refused()
            gone()
        }
        request.open('POST', form.action)
        request.setRequestHeader('HX-Request', 'true')
        request.upload.addEventListener('progress', event => {
            if (progress && event.lengthComputable) progress.value = Math.round(100 * event.loaded / event.total)
        })
        request.addEventListener('loadend', () => { delete form.dataset.sending })
        request.addEventListener('load', () => {
            show(false)
            if (request.status < 300) {
                form.reset()
                kept()
                const around = form.closest('details')
                if (around) around.open = false
                // A page that shows more than what was taken is shown anew.
                if (form.dataset.then) location.assign(form.dataset.then)
            } else refused()
            const fault = form.querySelector('[data-fault]')
            if (fault) {
                const answer = new DOMParser().parseFromString(request.responseText, 'text/html')
                fault.textContent = answer.querySelector('[role="alert"]')?.textContent ?? ''
                fault.hidden = request.status < 300
            }
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
    // What the terminal answers, whatever that is; it fails only where nobody answers.
    const post = (path, body) => fetch(path, { method: 'POST', body, headers: { 'HX-Request': 'true' }, credentials: 'same-origin' })
    const clockText = seconds => [seconds / 60, seconds % 60].map(part => String(Math.floor(part)).padStart(2, '0')).join(':')
    const tell = (box, key) => {
        const said = box.querySelector('[data-said]')
        said.textContent = key ? box.dataset[key] : ''
        said.hidden = !key
    }
    const record = async (box, kind) => {
        if (recording) return
        recording = {}
        let media = null
        const giveUp = key => {
            media?.getTracks().forEach(track => track.stop())
            recording = null
            tell(box, key)
        }
        const type = TYPES[kind].find(type => MediaRecorder.isTypeSupported(type))
        if (!type) return giveUp('missing')
        try {
            media = await navigator.mediaDevices.getUserMedia({ audio: true, video: kind === 'video' && { facingMode: 'environment' } })
        } catch (error) {
            return giveUp(error.name === 'NotAllowedError' ? 'denied' : 'missing')
        }
        let recorder, begun
        try {
            recorder = new MediaRecorder(media, { mimeType: type, audioBitsPerSecond: BITS.audio, videoBitsPerSecond: BITS.video })
            const body = new URLSearchParams({ kind, media_type: type.split(';')[0], item: box.dataset.item, place: whereNow() })
            const answer = await post(box.dataset.recorder, body)
            if (!answer.ok) return giveUp('refused')
            begun = await answer.json()
        } catch {
            return giveUp('refused')
        }
        const path = `${box.dataset.recorder}/${begun.recording}`
        const [idle, running] = [box.querySelector('[data-idle]'), box.querySelector('[data-running]')]
        const [elapsed, left, preview] = ['elapsed', 'left', 'preview'].map(name => box.querySelector(`[data-${name}]`))
        const began = performance.now()
        // Where it stops though nobody asked for it, it ends early: the microphone was unplugged, the disk is full.
        let [at, chain, broken, asked] = [0, Promise.resolve(), false, false]
        const stop = () => { if (recorder.state !== 'inactive') recorder.stop() }
        const room = bytes => {
            const minutes = Math.floor(bytes * 8 / (BITS.audio + (kind === 'video' ? BITS.video : 0)) / 60)
            left.textContent = left.dataset.text.replace('{n}', String(minutes))
            left.classList.toggle('fp-warn', minutes < 5)
        }
        const append = async piece => {
            if (broken) return
            try {
                const answer = await post(`${path}?at=${at}`, piece)
                if (!answer.ok) throw new Error(String(answer.status))
                const said = await answer.json()
                at = said.bytes
                room(said.bytes_left)
            } catch {
                broken = true
                stop()
            }
        }
        const ticking = setInterval(() => { elapsed.textContent = clockText((performance.now() - began) / 1000) }, 500)
        const ended = async () => {
            clearInterval(ticking)
            media.getTracks().forEach(track => track.stop())
            await chain
            recording = null
            running.hidden = true
            idle.hidden = false
            idle.querySelector('button').focus()
            const early = broken || !asked
            try {
                swap(await (await post(`${path}/end`, new URLSearchParams({ broken: early ? 'yes' : '' }))).text())
            } catch {
                gone()
            }
            if (early) tell(box, 'broken')
        }
        recorder.addEventListener('dataavailable', event => {
            if (event.data.size > 0) chain = chain.then(() => append(event.data))
        })
        recorder.addEventListener('stop', ended)
        tell(box, '')
        elapsed.textContent = clockText(0)
        room(begun.bytes_left)
        preview.hidden = kind !== 'video'
        if (kind === 'video') preview.srcObject = media
        idle.hidden = true
        running.hidden = false
        recording = {
            stop: () => { asked = true; stop() },
            // What the terminal has of it is ended at once; the rest would come too late.
            leave: () => navigator.sendBeacon(`${path}/end`, new URLSearchParams({ broken: 'yes' })),
        }
        try {
            recorder.start(SLICE_MS)
        } catch {
            return ended()
        }
        running.querySelector('[data-stop]').focus()
    }
    document.addEventListener('click', event => {
        const button = closest(event, '[data-recorder] [data-record]')
        if (button) record(button.closest('[data-recorder]'), button.dataset.record)
        if (closest(event, '[data-recorder] [data-stop]')) recording?.stop?.()
    })
    addEventListener('beforeunload', event => { if (recording?.stop) event.preventDefault() })
    addEventListener('pagehide', () => recording?.leave?.())

    // Signatures: strokes as they were drawn, with time and pressure, and the picture that they make.
    const pads = new WeakMap()
    const ready = ({ form, pad }) => { form.querySelector('[data-send]').disabled = pad.isEmpty() }
    // As sharp as the screen. What is drawn already stays where it is.
    const fit = ({ canvas, pad }) => {
        if (canvas.offsetWidth === 0) return
        const scale = Math.max(2, devicePixelRatio)
        const [width, height] = [canvas.offsetWidth * scale, canvas.offsetHeight * scale]
        if (canvas.width === width && canvas.height === height) return
        const drawn = pad.toData()
        ;[canvas.width, canvas.height] = [width, height]
        canvas.getContext('2d').scale(scale, scale)
        pad.fromData(drawn)
    }
    const wakePad = form => {
        if (pads.has(form) || !globalThis.SignaturePad) return
        const canvas = form.querySelector('canvas')
        const pad = new SignaturePad(canvas, { penColor: '#000', backgroundColor: '#fff', minWidth: 1, maxWidth: 3, throttle: 0 })
        const known = { form, canvas, pad }
        pads.set(form, known)
        pad.addEventListener('endStroke', () => ready(known))
        form.querySelector('[data-clear]').addEventListener('click', () => {
            pad.clear()
            ready(known)
        })
        new ResizeObserver(() => fit(known)).observe(canvas)
        ready(known)
    }
    const strokesOf = ({ canvas, pad }) => {
        const lines = pad.toData().map(line => line.points)
        const began = lines[0][0].time
        const round = value => Math.round(10 * value) / 10
        const strokes = lines.map(points => points.map(point =>
            [round(point.x), round(point.y), point.time - began, Math.round(100 * point.pressure) / 100]))
        return JSON.stringify({ format: 1, width: canvas.offsetWidth, height: canvas.offsetHeight, began_at_ms: began, strokes })
    }
    document.addEventListener('submit', event => {
        const form = closest(event, 'form[data-pad]')
        if (!form) return
        event.preventDefault()
        const known = pads.get(form)
        if (!known || known.pad.isEmpty()) return
        const strokes = strokesOf(known)
        form.querySelector('[data-send]').disabled = true
        known.canvas.toBlob(picture => {
            const body = new FormData(form)
            body.set('strokes', strokes)
            body.set('file', picture, 'signature.png')
            upload(form, body, () => {
                known.pad.clear()
                ready(known)
            })
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
