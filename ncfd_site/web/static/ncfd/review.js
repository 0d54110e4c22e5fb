"use strict";

// The review desk. Without this script, three things do not work: renewal of the lease while the page is open, a note that
// outlives a sign-in, and steps between highlights.
{
    const BEAT_MS = 60_000;
    const status = document.getElementById("desk-status");
    const show = (text) => {
        if (status) {
            status.textContent = text;
        }
    };

    // The lease
    async function beat() {
        const answer = await fetch(status.dataset.heartbeat, {
            method: "POST",
            headers: { "X-CSRFToken": document.querySelector("[name=csrfmiddlewaretoken]").value },
        });
        if (answer.ok && !answer.redirected) {
            const { until } = await answer.json();
            show(`Reserved until ${until.slice(11, 16)} UTC.`);
        } else {
            clearInterval(timer);
            show("Reservation expired. Your note is kept.");
        }
    }
    const timer = status
        ? setInterval(() => {
              if (document.visibilityState === "visible") {
                  beat().catch(() => show("Cannot reach the site. Your note is kept in this browser."));
              }
          }, BEAT_MS)
        : undefined;

    // The note
    const note = document.querySelector("textarea[data-draft]");
    if (note) {
        const name = `note ${note.dataset.draft}`;
        note.value = note.value || sessionStorage.getItem(name) || "";
        note.addEventListener("input", () => sessionStorage.setItem(name, note.value));
    }

    // The highlights
    const marks = [...document.querySelectorAll(".page-text mark")];
    const steps = document.querySelector(".mark-steps");
    if (steps && marks.length > 0) {
        let at = -1;
        steps.hidden = false;
        steps.addEventListener("click", (event) => {
            const button = event.target.closest("[data-step]");
            if (!button) {
                return;
            }
            const step = Number(button.dataset.step);
            marks[at]?.classList.remove("current");
            at = at === -1 && step < 0 ? marks.length - 1 : (at + step + marks.length) % marks.length;
            marks[at].classList.add("current");
            marks[at].scrollIntoView({ block: "center" });
            show(`Highlight ${at + 1} of ${marks.length}: ${marks[at].textContent}`);
        });
    }
}
