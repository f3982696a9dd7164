// Comfort for every page. Nothing here is needed to read, answer or decide.
'use strict'
;(() => {
    let composing = false
    document.addEventListener('compositionstart', () => { composing = true })
    document.addEventListener('compositionend', () => { composing = false })

    const isTyped = element => element instanceof HTMLElement
        && element.matches('textarea, select, input:not([type=radio], [type=checkbox], [type=submit], [type=button])')

    // Half a word of an input method is nobody's text yet: it is not sent. The whole word makes the field ask again.
    document.addEventListener('htmx:before:request', event => {
        if (composing && isTyped(document.activeElement) && event.target.contains(document.activeElement)) {
            event.preventDefault()
        }
    })

    // What somebody is writing in is never replaced under their hands; the answer to their own next act brings the rest.
    document.addEventListener('htmx:before:swap', event => {
        const tasks = event.detail.tasks
        const active = document.activeElement
        if (!Array.isArray(tasks) || !(composing || isTyped(active))) return
        const kept = tasks.filter(task => {
            const target = typeof task.target === 'string' ? document.querySelector(task.target) : task.target
            return !(target instanceof Element && target.contains(active))
        })
        tasks.splice(0, tasks.length, ...kept)
    })

    // The program behind the page is gone: say so, and say that nothing on the page is lost.
    const gone = () => document.getElementById('fp-gone')
    const showGone = () => { const notice = gone(); if (notice) notice.hidden = false }
    const hideGone = () => { const notice = gone(); if (notice) notice.hidden = true }
    document.addEventListener('htmx:error', event => {
        if (!event.detail?.ctx?.response) showGone()
    })
    document.addEventListener('htmx:after:request', event => {
        if (event.detail?.ctx?.response) hideGone()
    })

    const ping = () => {
        const address = document.body.dataset.ping
        return fetch(address, { cache: 'no-store', credentials: 'same-origin' })
    }
    document.addEventListener('click', event => {
        if (event.target instanceof Element && event.target.closest('#fp-gone button')) ping().then(hideGone, showGone)
    })

    // A form that holds what somebody wrote leaves the page only when there is somebody to take it.
    document.addEventListener('submit', event => {
        const form = event.target
        if (!(form instanceof HTMLFormElement) || !form.matches('[data-keep]') || event.defaultPrevented) return
        if (form.dataset.checked === 'yes') { delete form.dataset.checked; return }
        event.preventDefault()
        const submitter = event.submitter
        ping().then(() => {
            hideGone()
            form.dataset.checked = 'yes'
            form.requestSubmit(submitter ?? undefined)
        }, showGone)
    })

    // Links that open beside the page where there is room for it.
    document.addEventListener('click', event => {
        const link = event.target instanceof Element ? event.target.closest('a[data-sheet]') : null
        if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return
        event.preventDefault()
        fetch(link.href, { headers: { 'HX-Request': 'true' }, credentials: 'same-origin' })
            .then(answer => {
                // While it is locked there is nothing to show here: the link itself leads to the passphrase.
                const shows = answer.ok && answer.status !== 204 && !answer.headers.has('HX-Redirect')
                return shows ? answer.text() : Promise.reject(answer)
            })
            .then(markup => {
                const sheet = document.createElement('dialog')
                sheet.className = 'fp-sheet'
                sheet.innerHTML = markup
                sheet.setAttribute('aria-labelledby', sheet.querySelector('h1, h2')?.id ?? '')
                sheet.addEventListener('close', () => sheet.remove())
                sheet.addEventListener('click', inside => {
                    const leaves = inside.target === sheet
                        || (inside.target instanceof Element && inside.target.closest('[data-close]'))
                    if (leaves) { inside.preventDefault(); sheet.close() }
                })
                document.body.append(sheet)
                sheet.showModal()
            })
            .catch(() => { location.href = link.href })
    })

    // A choice that shows at once; where it names a button of its form, as if that had been pressed.
    document.addEventListener('change', event => {
        if (!(event.target instanceof HTMLElement) || !event.target.matches('[data-submit]')) return
        const button = document.getElementById(event.target.dataset.submit)
        event.target.form?.requestSubmit(button?.form === event.target.form ? button : undefined)
    })

    // Passphrases that somebody wants to read.
    const reveals = () => document.querySelectorAll('button[data-reveal]')
    const offerReveals = () => { for (const button of reveals()) button.hidden = false }
    document.readyState === 'loading' ? document.addEventListener('DOMContentLoaded', offerReveals) : offerReveals()
    document.addEventListener('click', event => {
        const button = event.target instanceof Element ? event.target.closest('button[data-reveal]') : null
        if (!button) return
        const shown = button.getAttribute('aria-pressed') !== 'true'
        button.setAttribute('aria-pressed', String(shown))
        for (const id of button.dataset.reveal.split(' ')) {
            const field = document.getElementById(id)
            if (field instanceof HTMLInputElement) field.type = shown ? 'text' : 'password'
        }
    })

    // What was typed and not kept yet. A field that was sent as it stands counts as kept.
    const WRITTEN = 'textarea, input:not([type=hidden], [type=password], [type=search], [type=file], [type=radio], '
        + '[type=checkbox], [type=submit], [type=button])'
    const holdsUnkept = () => [...document.querySelectorAll(WRITTEN)].some(field => field.value !== field.defaultValue)
    document.addEventListener('htmx:after:request', event => {
        const ctx = event.detail?.ctx
        if (!ctx?.response) return
        // The terminal was left alone and wants its passphrase; what is being written is not taken away for it.
        if (ctx.hx?.redirect && holdsUnkept()) { event.preventDefault(); return }
        const form = ctx.sourceElement?.closest?.('form')
        if (!form || ctx.response.status >= 400 || !ctx.request?.body) return
        for (const field of form.querySelectorAll(WRITTEN)) {
            if (ctx.request.body.get?.(field.name) === field.value) field.defaultValue = field.value
        }
    })
})()
