// The operator's pages work without this script. It shows moments in the viewer's own time zone, keeps a store's page
// up to date while something runs, and checks a connection without losing the access token that was typed.
"use strict";
(() => {
  const QUIET_AFTER_MS = 30 * 60 * 1000;

  const pad = (number) => String(number).padStart(2, "0");

  function showMoments(root) {
    for (const element of root.querySelectorAll("time[datetime]:not([data-zone]):not([title])")) {
      const moment = new Date(element.getAttribute("datetime"));
      if (Number.isNaN(moment.getTime())) continue;
      element.title = element.textContent;
      const month = moment.toLocaleString("en-GB", { month: "short" });
      const time = `${pad(moment.getHours())}:${pad(moment.getMinutes())}`;
      element.textContent = `${moment.getDate()} ${month} ${moment.getFullYear()}, ${time}`;
    }
  }

  // Once on a page: which zone the moments are in that name none.
  function nameZone() {
    const place = document.getElementById("bc-zone");
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    if (!place || !zone || !document.querySelector("time[datetime]:not([data-zone])")) return;
    place.textContent = `Times without a zone beside them are in your own time zone, ${zone}.`;
    place.hidden = false;
  }

  function countDown() {
    for (const element of document.querySelectorAll("[data-until]")) {
      const left = Math.max(0, Math.round((new Date(element.dataset.until) - Date.now()) / 1000));
      element.textContent = `in ${left} s`;
    }
  }

  // Choose all that can be chosen on the page, or none.
  function chooseAll(label) {
    const box = label.querySelector("input");
    box.addEventListener("change", () => {
      for (const each of box.form.elements) if (each.name === label.dataset.chooseAll) each.checked = box.checked;
    });
    label.hidden = false;
  }

  document.querySelectorAll("[data-choose-all]").forEach(chooseAll);
  // What only helps those who have no script.
  function dropHelpWithoutScript(root) {
    root.querySelectorAll(".bc-without-script").forEach((element) => element.remove());
  }

  // A box that shows what is typed in the field of a token, so that a mistake can be seen.
  function addShow(input) {
    input.dataset.secret = "";
    const label = document.createElement("label");
    label.className = "bc-show";
    const box = document.createElement("input");
    box.type = "checkbox";
    box.addEventListener("change", () => { input.type = box.checked ? "text" : "password"; });
    label.append(box, " Show");
    input.after(label);
  }

  // Put the new content in; the focus stays on the element with the same id or the same address.
  function swap(old, made) {
    dropHelpWithoutScript(made);
    const focused = old.contains(document.activeElement) ? document.activeElement : null;
    old.replaceWith(made);
    showMoments(made);
    if (!focused) return;
    const address = focused.getAttribute("href");
    const again = (focused.id && document.getElementById(focused.id)) ||
      (address && made.querySelector(`a[href="${CSS.escape(address)}"]`)) ||
      (focused.getAttribute("role") === "region" && made.querySelector('[role="region"]'));
    if (again) again.focus({ preventScroll: true });
  }

  function watch(area) {
    let etag = null;
    let raw = new Map();
    let changedAt = Date.now();
    let timer = null;
    const parsed = (text) => new DOMParser().parseFromString(text, "text/html");
    const partsOf = (root) => [...root.querySelectorAll("[data-part]")];
    // As the server sent it, before moments were rewritten.
    for (const part of partsOf(area)) raw.set(part.dataset.part, part.outerHTML);

    function everyMs() {
      return area.querySelector("[data-busy]") ? 2000 : 15000;
    }

    function say(text) {
      const place = document.getElementById("bc-said");
      if (place) place.textContent = text;
    }

    // The page lives no longer: that is shown, not only said.
    function stop(text) {
      const note = document.createElement("p");
      note.className = "bc-note bc-wait";
      note.setAttribute("role", "alert");
      note.textContent = text;
      area.before(note);
    }

    // What is shown may be old: said until an answer comes again.
    function warn(text) {
      const known = document.getElementById("bc-stale");
      if (!text) return known && known.remove();
      const note = known || document.createElement("p");
      note.id = "bc-stale";
      note.className = "bc-note bc-bad";
      note.setAttribute("role", "alert");
      if (note.textContent !== text) note.textContent = text;
      if (!known) area.prepend(note);
    }

    async function poll() {
      timer = null;
      if (document.hidden) return;
      if (Date.now() - changedAt > QUIET_AFTER_MS) return stop("Nothing has changed for a while. Load the page again to go on.");
      try {
        const headers = etag ? { "If-None-Match": etag } : {};
        const answer = await fetch(area.dataset.live, { headers, cache: "no-store", redirect: "error" });
        if (answer.status === 401) return stop("You are logged in no longer. Load the page again to log in.");
        if (answer.status === 404) return window.location.reload();
        if (answer.ok) {
          etag = answer.headers.get("ETag");
          apply(parsed(await answer.text()));
        }
        warn(answer.status >= 500 ? `What is shown here may be old. ${saidIn(parsed(await answer.text()))}` : "");
      } catch { warn("What is shown here may be old: the server cannot be reached. This page tries again by itself."); }
      timer = setTimeout(poll, everyMs());
    }

    function apply(fragment) {
      for (const part of partsOf(fragment)) {
        const name = part.dataset.part;
        if (raw.get(name) === part.outerHTML) continue;
        const old = area.querySelector(`[data-part="${CSS.escape(name)}"]`);
        raw.set(name, part.outerHTML);
        changedAt = Date.now();
        if (!old) continue;
        if (part.dataset.said && part.dataset.said !== old.dataset.said) say(part.dataset.said);
        swap(old, document.importNode(part, true));
      }
      if (!area.querySelector("[data-busy]")) document.querySelectorAll("[data-until-over]").forEach((note) => note.remove());
    }

    timer = setTimeout(poll, everyMs());
    document.addEventListener("visibilitychange", () => {
      if (document.hidden || timer !== null || area.previousElementSibling?.matches(".bc-note")) return;
      changedAt = Date.now();
      poll();
    });
  }

  // What a page that the server could not make says in its place.
  function saidIn(page) {
    const alert = page.querySelector('[role="alert"]');
    return alert ? alert.textContent.replace(/\s+/g, " ").trim() : "";
  }

  // The check of a connection: the answer's parts are put into this page, and the token stays in its field.
  function checkInPlace(form) {
    form.addEventListener("submit", async (event) => {
      const button = event.submitter;
      if (!button || button.value !== form.dataset.check) return;
      event.preventDefault();
      button.disabled = true;
      const place = form.querySelector('[data-swap="bc-checked"]');
      if (place) place.textContent = "Asking the store …";
      try {
        const body = new FormData(form);
        body.append(button.name, button.value);
        const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(body), redirect: "error" });
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        if (answer.status >= 500 && saidIn(page)) {
          if (place) place.textContent = saidIn(page);
          return;
        }
        if (answer.status === 401 || answer.status === 403) {
          const title = page.querySelector("h1");
          if (place) place.textContent = title ? `${title.textContent}. Log in in another tab, then press again.` : "";
          return;
        }
        for (const old of document.querySelectorAll("[data-swap]")) {
          const made = page.querySelector(`[data-swap="${CSS.escape(old.dataset.swap)}"]`);
          if (made) swap(old, document.importNode(made, true));
        }
        for (const input of form.querySelectorAll("input, select")) {
          const made = page.getElementById(input.id);
          if (!input.id || !made) continue;
          for (const name of ["aria-invalid", "aria-describedby"]) {
            if (made.hasAttribute(name)) input.setAttribute(name, made.getAttribute(name));
            else input.removeAttribute(name);
          }
          if (input.dataset.secret === undefined && input.type !== "checkbox" && input.type !== "radio") input.value = made.value;
        }
        const wrong = form.querySelector("[aria-invalid]");
        if (wrong) wrong.focus();
      } catch {
        if (place) place.textContent = "The check was not answered. Try again in a moment.";
      } finally {
        button.disabled = false;
      }
    });
  }

  dropHelpWithoutScript(document);
  document.querySelectorAll('input[type="password"]').forEach(addShow);
  const live = document.querySelector("[data-live]");
  if (live) watch(live);
  showMoments(document);
  nameZone();
  document.querySelectorAll("form[data-check]").forEach(checkInPlace);
  setInterval(countDown, 1000);
})();
