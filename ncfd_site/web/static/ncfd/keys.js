"use strict";

// One key for one element: [data-key="y"] is clicked, or focused where it takes text. Keys do nothing while somebody
// writes, composes, or holds a modifier. A person may want no keys at all.
{
    const areOff = document.querySelector("meta[name=keys][content=off]") !== null;

    // Ctrl+Enter in a field goes on to what comes after it: the form is sent, or its first button is reached.
    function goOn(field) {
        const then = field.dataset.then;
        if (then === "submit") {
            field.form.requestSubmit();
        } else if (then) {
            document.getElementById(then).querySelector("button").focus();
        }
    }

    const takesText = (element) => element.closest("input, textarea, select, [contenteditable]") !== null;

    const rows = () => [...document.querySelectorAll("[data-row]")];

    // J and K go up and down a list; elsewhere they are keys like others.
    function moveInList(step) {
        const all = rows();
        const at = all.indexOf(document.activeElement);
        const next = all[at === -1 ? (step > 0 ? 0 : all.length - 1) : at + step];
        if (next) {
            next.focus();
            next.scrollIntoView({ block: "nearest" });
        }
    }

    document.addEventListener("keydown", (event) => {
        if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !event.repeat && takesText(event.target)) {
            goOn(event.target);
            return;
        }
        if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.isComposing) {
            return;
        }
        if (takesText(event.target)) {
            if (event.key === "Escape") {
                event.target.blur();
            }
            return;
        }
        if (areOff) {
            return;
        }
        const key = event.key.toLowerCase();
        const target = [...document.querySelectorAll("[data-key]")].find((element) => element.dataset.key === key);
        if (target) {
            event.preventDefault();
            if (target.matches("textarea, input, select")) {
                target.focus();
            } else {
                target.click();
            }
        } else if ((key === "j" || key === "k") && rows().length > 0) {
            event.preventDefault();
            moveInList(key === "j" ? 1 : -1);
        }
    });

    // A form that was sent is not sent again by a second press.
    document.addEventListener("submit", (event) => {
        if (event.target.dataset.sent) {
            event.preventDefault();
        }
        event.target.dataset.sent = "yes";
    });
    window.addEventListener("pageshow", () => {
        for (const form of document.forms) {
            delete form.dataset.sent;
        }
    });
}
