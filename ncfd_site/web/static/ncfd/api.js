"use strict";

// The forms of the API page send their request in place, with the session of the browser.
for (const details of document.querySelectorAll(".try")) {
    details.hidden = false;
}

document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!form.matches("[data-try]")) {
        return;
    }
    event.preventDefault();
    let path = form.getAttribute("action");
    const query = new URLSearchParams();
    for (const { name, value, dataset } of form.querySelectorAll("input")) {
        if (dataset.place === "path") {
            path = path.replace(`{${name}}`, encodeURIComponent(value));
        } else if (value) {
            query.append(name, value);
        }
    }
    const address = query.size ? `${path}?${query}` : path;
    const status = form.parentElement.querySelector("[role=status]");
    const shown = form.parentElement.querySelector(".answer");
    const start = performance.now();
    status.textContent = `GET ${address} …`;
    try {
        const answer = await fetch(address, { headers: { Accept: "application/json" } });
        const text = await answer.text();
        status.textContent = `${answer.status} ${answer.statusText} in ${Math.round(performance.now() - start)} ms: GET ${address}`;
        shown.textContent = answer.headers.get("content-type")?.includes("json") ? JSON.stringify(JSON.parse(text), null, 2) : text;
        shown.hidden = false;
    } catch {
        status.textContent = `No response to GET ${address}. Check the connection, and send it again.`;
    }
});
