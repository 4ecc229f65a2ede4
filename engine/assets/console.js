// What the console does beyond links and forms: keys, the slider's label, following a dialogue to its end, the reader's
// time zone. Every page can be read without it. It speaks only to this server, and evaluates nothing.
"use strict";
(() => {
  const one = (selector, within) => (within || document).querySelector(selector);
  const all = (selector, within) => [...(within || document).querySelectorAll(selector)];
  const year = 60 * 60 * 24 * 365;

  // The server writes every time in the reader's zone; only the browser knows which that is.
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
  const known = one("meta[name=zone]");
  if (known && known.content !== zone && /^[A-Za-z0-9_+\/-]{1,64}$/.test(zone)) {
    document.cookie = `chatledger_zone=${zone}; Path=/console; Max-Age=${year}; SameSite=Strict`;
    // A zone that the server does not know is not asked for again and again.
    const tried = sessionStorage.getItem("zone") === zone;
    sessionStorage.setItem("zone", zone);
    if (!tried && document.cookie.includes("chatledger_zone=") && !one("form[data-typed]")) location.reload();
  }

  // ---- keys ----

  const items = () => all("[data-item]");
  const chosen = () => items().findIndex((item) => item.classList.contains("chosen"));
  const choose = (index) => {
    const list = items();
    if (!list.length) return;
    const next = list[Math.max(0, Math.min(index, list.length - 1))];
    list.forEach((item) => item.classList.toggle("chosen", item === next));
    const into = next.matches("a, input") ? next : one("a, input", next);
    (into || next).focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
  };
  const isTyping = (element) =>
    element.isContentEditable || element.matches("input:not([type=checkbox]):not([type=radio]), textarea, select");
  const help = () => {
    const dialog = one("#keys");
    if (!dialog) return;
    if (dialog.open) dialog.close();
    else dialog.showModal();
  };
  const closeSheet = () => {
    const sheet = one("#sheet");
    const close = sheet && one("[data-close]", sheet);
    if (!close) return false;
    close.click();
    return true;
  };
  let going = false;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") {
      if (isTyping(event.target)) event.target.blur();
      else if (closeSheet()) event.preventDefault();
      return;
    }
    if (isTyping(event.target)) return;
    if (going) {
      going = false;
      const page = one(`.pages a[data-key="${CSS.escape(event.key)}"]`);
      if (page) {
        event.preventDefault();
        page.click();
      }
      return;
    }
    const acts = {
      "?": help,
      "/": () => one("input[type=search]")?.focus(),
      j: () => choose(chosen() + 1),
      k: () => choose(Math.max(chosen(), 0) - 1),
      g: () => { going = true; setTimeout(() => { going = false; }, 1500); },
      "[": () => one("[data-step=back]")?.click(),
      "]": () => one("[data-step=on]")?.click(),
      x: () => { const box = items()[chosen()]?.querySelector("input[type=checkbox]"); if (box) box.click(); },
    };
    const act = acts[event.key];
    if (act) {
      event.preventDefault();
      act();
    }
  });

  // ---- presses ----

  document.addEventListener("click", (event) => {
    const pressed = event.target.closest("[data-opens], [data-closes], [data-close], [data-all], [data-end]");
    if (!pressed) return;
    if (pressed.dataset.opens) {
      event.preventDefault();
      one(`#${CSS.escape(pressed.dataset.opens)}`)?.showModal();
    } else if (pressed.hasAttribute("data-closes")) {
      pressed.closest("dialog")?.close();
    } else if (pressed.hasAttribute("data-close") && one("#sheet")) {
      event.preventDefault();
      one(".talk")?.classList.remove("sheeted");
      one("#sheet").remove();
      opener?.focus();
    } else if (pressed.hasAttribute("data-all")) {
      all("input[name=intent]").forEach((box) => { box.checked = pressed.checked; });
      counted();
    } else if (pressed.hasAttribute("data-end")) {
      toEnd();
      pressed.hidden = true;
    }
  });
  let opener = null;
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.elt.hasAttribute("data-sheet")) opener = event.detail.elt;
  });
  // The sheet comes beside the dialogue, and takes the focus.
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target?.id !== "sheet-place") return;
    one(".talk")?.classList.add("sheeted");
    one("#sheet h2")?.focus();
  });

  // ---- what is chosen among the held ----

  const counted = () => {
    const count = one("[data-counted]");
    if (count) count.textContent = all("input[name=intent]:checked").length;
  };
  const fitting = () => {
    const form = one("form[data-decide]");
    if (!form) return;
    const wish = one("[name=wish]", form)?.value;
    const receiver = one("[data-receiver]", form);
    if (receiver) receiver.hidden = wish !== "elsewhere";
  };
  document.addEventListener("change", (event) => {
    if (event.target.name === "intent") counted();
    if (event.target.name === "wish") fitting();
  });

  // ---- the slider ----

  let asking = null;
  document.addEventListener("input", (event) => {
    const slider = event.target.closest("[data-moment]");
    if (!slider) return;
    const form = slider.closest("form");
    clearTimeout(asking);
    asking = setTimeout(async () => {
      try {
        const answer = await fetch(`${slider.dataset.moment}?at=${encodeURIComponent(slider.value)}`);
        if (!answer.ok) return;
        const words = (await answer.text()).trim();
        slider.setAttribute("aria-valuetext", words);
        const output = one("output", form);
        if (output) output.textContent = words;
      } catch { /* The page itself tells when the server is away. */ }
    }, 40);
  });

  // ---- a dialogue is followed at its end ----

  const stream = () => one(".stream[data-follow]");
  const scroller = () => {
    const box = stream();
    return box && box.scrollHeight > box.clientHeight + 4 && getComputedStyle(box).overflowY !== "visible"
      ? box : document.scrollingElement;
  };
  const isAtEnd = () => {
    const box = scroller();
    return box.scrollHeight - box.scrollTop - box.clientHeight < 120;
  };
  const toEnd = () => { const box = scroller(); box.scrollTop = box.scrollHeight; };
  let wasAtEnd = true;
  document.addEventListener("htmx:sseBeforeMessage", () => { if (stream()) wasAtEnd = isAtEnd(); });
  document.addEventListener("htmx:sseMessage", () => {
    if (!stream()) return;
    if (wasAtEnd) toEnd();
    else { const more = one("[data-end]"); if (more) more.hidden = false; }
  });
  document.addEventListener("scroll", () => {
    const more = one("[data-end]");
    if (more && !more.hidden && isAtEnd()) more.hidden = true;
  }, true);

  // ---- whether the page still hears the server ----

  document.addEventListener("htmx:sseOpen", () => { const lost = one("#lost"); if (lost) lost.hidden = true; });
  document.addEventListener("htmx:sseError", () => { const lost = one("#lost"); if (lost) lost.hidden = false; });

  const begin = () => {
    const box = stream();
    if (box && !location.hash) toEnd();
    fitting();
    counted();
  };
  document.addEventListener("DOMContentLoaded", begin);
  document.addEventListener("htmx:afterSettle", (event) => { if (event.detail.target?.id === "main") begin(); });
})();
