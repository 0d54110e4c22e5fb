"use strict";

// The key ? shows the shortcuts of every page in a dialog; a page with a list of its own shows that one.
document.addEventListener("keydown", async (event) => {
    const isOff = document.querySelector("meta[name=keys][content=off]") !== null;
    const isText = event.target.closest("input, textarea, select, [contenteditable]") !== null;
    const own = [...document.querySelectorAll('[data-key="?"]')].some((element) => element.checkVisibility());
    if (event.key !== "?" || event.defaultPrevented || isOff || isText || own || document.querySelector("dialog[open]")) {
        return;
    }
    event.preventDefault();
    const address = document.querySelector("[data-shortcuts]").href;
    const answer = await fetch(`${address}?panel=1`).catch(() => null);
    // A redirect leads to the sign-in page.
    if (!answer || !answer.ok || answer.redirected) {
        location.assign(address);
        return;
    }
    const dialog = document.createElement("dialog");
    dialog.setAttribute("aria-label", "Keyboard shortcuts");
    dialog.className = "shortcuts-dialog";
    dialog.innerHTML = `<form method="dialog"><button class="button" autofocus>Close</button></form>${await answer.text()}`;
    dialog.addEventListener("close", () => dialog.remove());
    document.querySelector("main").append(dialog);
    dialog.showModal();
});
