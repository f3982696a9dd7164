// Comfort in the console. Lists, cases and decisions work without it.
'use strict'
;(() => {
    // A picture that is none: what stands in for it is shown.
    const replace = picture => {
        const instead = picture.nextElementSibling
        if (!instead?.matches('.fp-capture-none')) return
        picture.hidden = true
        instead.hidden = false
    }
    document.addEventListener('error', event => {
        if (event.target instanceof HTMLImageElement && event.target.matches('[data-picture]')) replace(event.target)
    }, true)
    const failed = picture => picture.complete && picture.naturalWidth === 0 && picture.currentSrc !== ''
    for (const picture of document.querySelectorAll('img[data-picture]')) if (failed(picture)) replace(picture)

    // Lists: a row is its link; j and k move, Enter opens.
    const rows = () => [...document.querySelectorAll('table[data-rows] tbody tr')]
    const link = row => row?.querySelector('a.fp-row-link')
    document.addEventListener('click', event => {
        const target = event.target
        if (!(target instanceof Element) || target.closest('a, button, input, select, textarea, label, summary')) return
        const row = target.closest('table[data-rows] tbody tr')
        if (!row || !link(row) || String(getSelection()) !== '') return
        if (event.ctrlKey || event.metaKey) window.open(link(row).href, '_blank', 'noopener')
        else location.href = link(row).href
    })
    const go = step => {
        const all = rows()
        if (all.length === 0) return
        const at = all.findIndex(row => row.hasAttribute('data-current'))
        const next = all[Math.min(Math.max(at + step, 0), all.length - 1)]
        for (const row of all) row.removeAttribute('data-current')
        next.setAttribute('data-current', '')
        link(next)?.focus({ preventScroll: true })
        next.scrollIntoView({ block: 'nearest' })
    }
    document.addEventListener('keydown', event => {
        if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return
        if (event.target instanceof Element && event.target.closest('input, select, textarea, [contenteditable]')) return
        if (event.key === 'j') go(1)
        else if (event.key === 'k') go(-1)
        else if (event.key === 'e') document.getElementById('decide')?.setAttribute('open', '')
        else return
        event.preventDefault()
    })

    // Remarks under items, seen from the decision at the foot: how many there are.
    const form = document.getElementById('review')
    const count = form?.querySelector('[data-remarks]')
    if (form && count) {
        const show = () => {
            const remarks = [...form.elements].filter(field => field.name?.startsWith('item.') && field.value.trim() !== '')
            count.textContent = count.dataset.remarks.replace('{n}', String(remarks.length))
            count.hidden = remarks.length === 0
        }
        document.addEventListener('input', show)
        show()
    }

    // Choosing in the part of another value means choosing it.
    document.addEventListener('input', event => {
        const field = event.target
        if (!(field instanceof Element) || field.name === 'choice') return
        const other = field.closest('section[aria-labelledby=other]')?.querySelector('input[name=choice][value=value]')
        if (other) other.checked = true
    })
})()
