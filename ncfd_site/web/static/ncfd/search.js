"use strict";

// The search of the header: hits appear as one types. Arrow keys choose one, Enter opens it, or the page of all hits.
for (const form of document.querySelectorAll(".site-search")) {
    const input = form.querySelector("input");
    const panel = form.querySelector(".search-panel");
    let options = [];
    let chosen = -1;
    let timer = 0;
    let asked = new AbortController();

    input.setAttribute("role", "combobox");
    input.setAttribute("aria-autocomplete", "list");
    input.setAttribute("aria-controls", panel.id);

    function show(html) {
        panel.innerHTML = html;
        options = [...panel.querySelectorAll("[role=option]")];
        options.forEach((option, number) => (option.id = `${panel.id}-${number}`));
        panel.hidden = options.length === 0;
        input.setAttribute("aria-expanded", String(!panel.hidden));
        choose(-1);
    }

    function choose(number) {
        chosen = number;
        options.forEach((option, at) => option.setAttribute("aria-selected", String(at === number)));
        if (options[number]) {
            input.setAttribute("aria-activedescendant", options[number].id);
            options[number].scrollIntoView({ block: "nearest" });
        } else {
            input.removeAttribute("aria-activedescendant");
        }
    }

    async function update() {
        asked.abort();
        asked = new AbortController();
        try {
            const address = `${form.action}?panel=1&q=${encodeURIComponent(input.value)}`;
            const answer = await fetch(address, { signal: asked.signal });
            // A redirect leads to the sign-in page.
            if (answer.ok && !answer.redirected && form.contains(document.activeElement)) {
                show(await answer.text());
            }
        } catch (error) {
            if (error.name !== "AbortError") {
                show("");
            }
        }
    }

    function close() {
        clearTimeout(timer);
        asked.abort();
        show("");
    }

    show("");
    input.addEventListener("focus", update);
    input.addEventListener("input", () => {
        clearTimeout(timer);
        timer = setTimeout(update, 120);
    });
    input.addEventListener("keydown", (event) => {
        if ((event.key === "ArrowDown" || event.key === "ArrowUp") && options.length > 0) {
            event.preventDefault();
            // One more than the options: the text itself.
            const count = options.length + 1;
            choose(((chosen + 1 + (event.key === "ArrowDown" ? 1 : -1) + count) % count) - 1);
        } else if (event.key === "Enter" && options[chosen] && !event.isComposing) {
            event.preventDefault();
            options[chosen].click();
        } else if (event.key === "Escape") {
            close();
        }
    });
    form.addEventListener("focusout", (event) => {
        if (!form.contains(event.relatedTarget)) {
            close();
        }
    });
    panel.addEventListener("click", (event) => {
        const option = event.target.closest("[role=option]");
        const token = document.querySelector("#logout-form [name=csrfmiddlewaretoken]");
        if (option && token) {
            const item = new FormData();
            item.set("csrfmiddlewaretoken", token.value);
            item.set("title", option.querySelector("strong").textContent);
            item.set("url", option.getAttribute("href"));
            navigator.sendBeacon(form.dataset.recent, item);
        }
    });
}
