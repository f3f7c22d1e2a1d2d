"use strict";
// Parts of pages are renewed while something goes on. Whoever is in one with the keyboard stays where they were.
(() => {
  let focused = null;

  function mark(one) {
    return one.getAttribute("href") ?? one.getAttribute("aria-labelledby") ?? one.getAttribute("aria-label") ?? one.textContent;
  }

  document.addEventListener("htmx:beforeSwap", (event) => {
    const one = document.activeElement;
    const inside = one !== document.body && event.detail.target.contains(one);
    focused = inside ? {tag: one.localName, mark: mark(one), left: one.scrollLeft, top: one.scrollTop} : null;
  });

  document.addEventListener("htmx:load", (event) => {
    if (!focused || !event.detail.elt.querySelectorAll) return;
    const same = [...event.detail.elt.querySelectorAll(focused.tag)].find((one) => mark(one) === focused.mark);
    if (!same) return;
    same.focus({preventScroll: true});
    same.scrollLeft = focused.left;
    same.scrollTop = focused.top;
    focused = null;
  });
})();
