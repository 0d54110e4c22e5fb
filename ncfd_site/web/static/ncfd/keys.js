"use strict";

// Keyboard shortcuts: the key y clicks the element [data-key="y"], or focuses it if it is a field. Shortcuts are ignored in
// text fields, during composition and with modifiers. Users can turn them off.
{
    const areOff = document.querySelector("meta[name=keys][content=off]") !== null;

    // Ctrl+Enter in a field submits the form, or focuses the first button of its target.
    function continueFrom(field) {
        const target = field.dataset.then;
        if (target === "submit") {
            field.form.requestSubmit();
        } else if (target) {
            document.getElementById(target).querySelector("button").focus();
        }
    }

    const isTextField = (element) => element.closest("input, textarea, select, [contenteditable]") !== null;

    const rows = () => [...document.querySelectorAll("[data-row]")];

    // J and K move down and up a list.
    function moveInList(step) {
        const all = rows();
        const at = all.indexOf(document.activeElement);
        const next = all[at === -1 ? (step > 0 ? 0 : all.length - 1) : at + step];
        if (next) {
            next.focus();
            next.scrollIntoView({ block: "nearest" });
        }
    }

    // Closes the open menu, and returns the focus to its button.
    function closeMenus(except) {
        const open = [...document.querySelectorAll("#header details[open], details.choices[open]")].filter((menu) => !menu.contains(except));
        for (const menu of open) {
            if (menu.contains(document.activeElement)) {
                menu.querySelector("summary").focus();
            }
            menu.open = false;
        }
        return open.length > 0;
    }
    document.addEventListener("click", (event) => {
        closeMenus(event.target);
        // Shift makes the heading the second sort key.
        const heading = event.shiftKey && event.target.closest("a[data-then]");
        if (heading) {
            event.preventDefault();
            location.assign(heading.dataset.then);
        }
    });

    document.addEventListener("keydown", (event) => {
        if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !event.repeat && isTextField(event.target)) {
            continueFrom(event.target);
            return;
        }
        if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.isComposing) {
            return;
        }
        if (isTextField(event.target)) {
            if (event.key === "Escape") {
                event.target.blur();
            }
            return;
        }
        if (event.key === "Escape" && closeMenus()) {
            return;
        }
        if (areOff) {
            return;
        }
        const key = event.key.toLowerCase();
        const target = [...document.querySelectorAll("[data-key]")].findLast(
            (element) => element.dataset.key === key && element.checkVisibility(),
        );
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

    // A second press does not submit a form again.
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

// Text that was typed into a form outlives a session: if the form led to the sign-in page, nothing was recorded, and its page
// shows the text again after signing in, to the same user.
{
    const NAME = "sent form";
    const main = document.querySelector("main");
    const user = document.querySelector(".menu-who")?.dataset.user;
    const sent = JSON.parse(sessionStorage.getItem(NAME) ?? "null");
    if (!user) {
        if (sent) {
            sessionStorage.setItem(NAME, JSON.stringify({ ...sent, isLost: true }));
        }
    } else if (sent) {
        sessionStorage.removeItem(NAME);
        if (sent.isLost && sent.user === user && sent.path === location.pathname) {
            for (const [name, value] of sent.fields) {
                const field = main.querySelector(`[name="${CSS.escape(name)}"]`);
                if (field) {
                    field.value = value;
                }
            }
            const notice = document.createElement("p");
            notice.className = "lost-form";
            notice.textContent = "You were signed out. Nothing was recorded; what you typed is here again.";
            (document.querySelector(".desk-line") ?? main).prepend(notice);
        }
    }
    document.addEventListener("submit", ({ target }) => {
        if (user && target.method === "post" && target.id !== "logout-form") {
            const typed = [...target.elements].filter((field) => field.matches("textarea, input[type=text], input:not([type])"));
            const fields = typed.filter((field) => field.value).map((field) => [field.name, field.value]);
            sessionStorage.setItem(NAME, JSON.stringify({ user, path: location.pathname, fields }));
        }
    });
}
