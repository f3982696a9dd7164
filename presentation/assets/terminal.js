// Comfort on the terminal: keypad, phrases, the officer's place. Pages work without it.
'use strict'
;(() => {
    document.documentElement.classList.add('fp-js')
    const root = document.body.dataset.ping.replace(/\/ping$/, '')
    const closest = (event, selector) => event.target instanceof Element ? event.target.closest(selector) : null

    // Where the officer is: told at once, so that the terminal opens here whatever ends it.
    let told = ''
    const tell = event => {
        const place = closest(event, '[data-place]')
        if (!place) return
        const path = `${location.pathname.slice(root.length)}#${place.dataset.place}`
        if (path === told || !path.startsWith('/inspections/')) return
        told = path
        const body = new URLSearchParams({ path })
        fetch(`${root}/place`, { method: 'POST', body, credentials: 'same-origin', keepalive: true }).catch(() => { told = '' })
    }
    document.addEventListener('focusin', tell)
    document.addEventListener('pointerdown', tell)

    // What the browser knows about the network, told once for each page of each start and when it changes: large originals may
    // wait for one that costs nothing. Most browsers of desktops know nothing, and nothing is told then.
    const network = navigator.connection
    const tellNetwork = () => {
        const body = new URLSearchParams({ type: network.type ?? '', save_data: String(network.saveData === true) })
        const known = `${root} ${body}`
        const before = sessionStorage.getItem('fp-network')
        if (before === known || before === null && !network.type && !network.saveData) return
        fetch(`${root}/network`, { method: 'POST', body, credentials: 'same-origin', redirect: 'manual' }).then(answer => {
            if (answer.ok) sessionStorage.setItem('fp-network', known)
        }, () => {})
    }
    if (network) {
        tellNetwork()
        network.addEventListener?.('change', tellNetwork)
    }

    // The keypad stands under the field; the field stays a field, for hardware keyboards and input methods.
    const coarse = matchMedia('(pointer: coarse)')
    let pad = null
    let before = ''
    const closePad = () => { pad?.remove(); pad = null }
    const changed = field => field.dispatchEvent(new Event('change', { bubbles: true }))
    const write = (field, text) => {
        const [start, end] = [field.selectionStart ?? field.value.length, field.selectionEnd ?? field.value.length]
        field.setRangeText(text, text === '' && start === end ? Math.max(0, start - 1) : start, end, 'end')
        field.dispatchEvent(new InputEvent('input', { bubbles: true }))
    }
    const press = (field, key) => {
        if (key === 'done') field.blur()
        else if (key === 'keyboard') {
            closePad()
            field.dataset.keypad = 'no'
            field.inputMode = 'decimal'
            field.blur()
            field.focus()
        } else write(field, key === 'back' ? '' : key)
    }
    const openPad = field => {
        const template = document.getElementById('keypad')
        if (!template || field.readOnly || field.dataset.keypad === 'no' || !coarse.matches) return
        closePad()
        field.inputMode = 'none'
        pad = template.content.firstElementChild.cloneNode(true)
        pad.addEventListener('pointerdown', event => event.preventDefault())
        pad.addEventListener('click', event => {
            const key = closest(event, '[data-key]')
            if (key) press(field, key.dataset.key)
        })
        const under = field.closest('form')?.querySelector('.fp-limit') ?? field.parentElement
        under.after(pad)
        pad.scrollIntoView({ block: 'nearest' })
    }
    document.addEventListener('focusin', event => {
        const field = closest(event, 'input[data-keypad]')
        if (!field) return
        before = field.value
        field.select()
        openPad(field)
    })
    document.addEventListener('change', event => {
        if (closest(event, 'input[data-keypad]')) before = event.target.value
    })
    document.addEventListener('focusout', event => {
        const field = closest(event, 'input[data-keypad]')
        if (!field) return
        closePad()
        // What the keypad wrote is no change to the browser.
        if (field.value !== before) changed(field)
    })

    // A phrase goes where the officer is writing, or to the end.
    document.addEventListener('click', event => {
        const button = closest(event, 'button[data-phrase]')
        const field = button && document.getElementById(button.dataset.for)
        if (!field || field.readOnly) return
        event.preventDefault()
        const at = field.selectionEnd ?? field.value.length
        const gap = at > 0 && !/\s$/.test(field.value.slice(0, at)) ? '\n' : ''
        field.setRangeText(gap + button.dataset.phrase, at, at, 'end')
        changed(field)
    })

    // A text is sent with what the page showed when it is sent: another save may have ended in between.
    document.addEventListener('htmx:before:request', event => {
        const form = event.detail?.ctx?.sourceElement
        const body = event.detail?.ctx?.request?.body
        if (!(form instanceof HTMLFormElement) || !form.matches('[data-base]') || !(body instanceof URLSearchParams)) return
        for (const name of ['base', 'text']) {
            const field = form.elements.namedItem(name)
            if (field) body.set(name, field.value)
        }
    })

    // What was typed a moment ago goes along when the page goes: by a tap on a link, a swipe, another app.
    const TYPED = 'textarea, input:not([type=hidden], [type=radio], [type=checkbox], [type=file], [type=submit])'
    const CARRIED = 60_000 // bytes that a browser carries on for a page that is gone: 64 KiB in all
    const sent = new WeakMap()
    const unkept = form => [...form.querySelectorAll(TYPED)].filter(field => field.value !== field.defaultValue && !field.readOnly)
    const keepTyped = () => {
        for (const form of document.querySelectorAll('form[hx-post]')) {
            const fields = unkept(form).map(field => [field, field.value])
            const body = new URLSearchParams(new FormData(form))
            if (fields.length === 0 || sent.get(form) === String(body)) continue
            sent.set(form, String(body))
            fetch(form.action, {
                method: 'POST', body, headers: { 'HX-Request': 'true' }, credentials: 'same-origin',
                keepalive: String(body).length < CARRIED,
            }).then(answer => {
                if (answer.ok) for (const [field, value] of fields) field.defaultValue = value
            }, () => sent.delete(form))
        }
    }
    addEventListener('pagehide', keepTyped)
    document.addEventListener('visibilitychange', () => { if (document.visibilityState === 'hidden') keepTyped() })
    addEventListener('beforeunload', event => {
        const forms = [...document.querySelectorAll('form[hx-post]')]
        const tooLong = form => unkept(form).length > 0 && String(new URLSearchParams(new FormData(form))).length >= CARRIED
        if (forms.some(tooLong)) event.preventDefault()
    })

    // What fails is written about: its panel opens in place.
    document.addEventListener('htmx:after:swap', () => {
        for (const answer of document.querySelectorAll('.fp-answer[data-verdict="fail"]:not([data-told])')) {
            answer.dataset.told = 'yes'
            const panel = answer.closest('.fp-item')?.querySelector('.fp-panel')
            if (panel) panel.open = true
        }
    })
    for (const answer of document.querySelectorAll('.fp-answer[data-verdict="fail"]')) answer.dataset.told = 'yes'

    document.addEventListener('click', event => {
        const link = closest(event, 'a[data-reload]')
        if (!link) return
        event.preventDefault()
        location.reload()
    })
})()
