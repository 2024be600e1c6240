// Keeps a page as the daemon now has it, without a reload, and shows times in the reader's zone.
//
// Nothing here makes markup out of a text: the browser parses the daemon's own page, which has
// escaped every name, and what comes as an event is set as text.
"use strict";

const REFRESH_MS = 5000;
const SOONEST_MS = 200;
const main = document.getElementById("main");
const news = document.getElementById("news");
const link = document.getElementById("link");

// --- times ---------------------------------------------------------------------------------------

const zoned = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

function localise(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const moment = new Date(time.dateTime);
    if (Number.isNaN(moment.valueOf())) continue;
    const text = zoned.format(moment);
    time.title = text;
    time.textContent = time.hasAttribute("data-ago") ? ago(moment) : text;
  }
  for (const span of root.querySelectorAll("[data-since]")) {
    span.textContent = duration(secondsSince(Number(span.dataset.since) * 1000));
  }
}

function secondsSince(milliseconds) {
  return Math.max(0, Math.round((Date.now() - milliseconds) / 1000));
}

function ago(moment) {
  const seconds = secondsSince(moment);
  if (seconds < 5) return "just now";
  return `${seconds < 60 ? `${seconds} s` : duration(seconds).replace(/ \d+ s$/, "")} ago`;
}

function duration(seconds) {
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} days`;
}

// --- one tree made equal to another, keeping focus, selection and what is unfolded ---------------

function isSame(old, fresh) {
  return old.nodeName === fresh.nodeName && (old.id ?? "") === (fresh.id ?? "") &&
    (old.dataset?.key ?? "") === (fresh.dataset?.key ?? "");
}

function renew(old, fresh) {
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
    return;
  }
  for (const { name } of [...old.attributes]) {
    const isKept = name === "open" || old.hasAttribute("data-own");
    if (!fresh.hasAttribute(name) && !isKept) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  renewChildren(old, fresh);
}

function renewChildren(old, fresh) {
  const keyed = new Map();
  for (const child of old.children) {
    if (child.dataset?.key) keyed.set(child.dataset.key, child);
  }
  let at = old.firstChild;
  for (const wanted of [...fresh.childNodes]) {
    const known = wanted.dataset?.key && keyed.get(wanted.dataset.key);
    if (known && known !== at && known.parentNode === old) {
      old.insertBefore(known, at);
      at = known;
    }
    if (at && isSame(at, wanted)) {
      renew(at, wanted);
      at = at.nextSibling;
    } else {
      old.insertBefore(document.adoptNode(wanted), at);
    }
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

// --- following -----------------------------------------------------------------------------------

let isAsking = false;
let isDue = false;
let isSoon = false;
let timer = 0;

function refresh(soon) {
  if (isAsking) {
    isDue = isDue || soon;
    return;
  }
  if (soon && isSoon) return; // events that follow each other closely put nothing off
  isSoon = soon;
  clearTimeout(timer);
  timer = setTimeout(ask, soon ? SOONEST_MS : REFRESH_MS);
}

function ask() {
  isSoon = false;
  if (document.hidden) return; // it comes back through visibilitychange
  isAsking = true;
  const request = new XMLHttpRequest();
  request.responseType = "document";
  request.open("GET", location.href);
  request.setRequestHeader("Accept", "text/html");
  request.timeout = 20000;
  request.onload = () => {
    const fresh = request.response?.getElementById("main");
    if (request.status === 200 && fresh) {
      localise(fresh);
      renew(main, fresh);
      document.title = request.response.title;
      show(true);
    } else {
      show(false);
    }
  };
  request.onerror = request.ontimeout = () => show(false);
  request.onloadend = () => {
    isAsking = false;
    const soon = isDue;
    isDue = false;
    listen();
    refresh(soon);
  };
  request.send();
}

function show(isLive) {
  if (!link) return;
  link.hidden = false;
  link.dataset.state = isLive ? "live" : "lost";
  link.textContent = isLive ? "Live" : "Not connected, trying again";
}

let newest = "";
let newsTimer = 0;

function tell(text) {
  newest = text;
  newsTimer ||= setTimeout(() => {
    newsTimer = 0;
    news.textContent = newest;
  }, 1000);
}

let events = null;

// A page in the background listens to nothing: browsers allow few connections to one daemon.
function listen() {
  if (document.hidden) {
    events?.close();
    events = null;
  } else if (!events || events.readyState === EventSource.CLOSED) {
    events = new EventSource("/api/v1/events");
    events.addEventListener("models", () => refresh(true));
    events.addEventListener("stage", () => refresh(true));
    events.addEventListener("state", (event) => {
      const told = JSON.parse(event.data);
      const name = [told.model.root, told.model.path].filter(Boolean).join("/");
      tell(`${name}: ${told.state}`);
      refresh(true);
    });
    events.onopen = () => show(true);
  }
}

localise(document);
if (main.hasAttribute("data-live")) {
  listen();
  refresh(false);
  document.addEventListener("visibilitychange", () => {
    listen();
    refresh(true);
  });
  setInterval(() => localise(main), 1000);
}

// --- uploads: the same form, with how far it is --------------------------------------------------

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("[data-upload]")) return;
  event.preventDefault();
  const bar = form.querySelector("progress");
  const button = form.querySelector("button");
  const request = new XMLHttpRequest();
  request.responseType = "document";
  request.open("POST", form.action);
  request.setRequestHeader("Accept", "text/html");
  request.upload.onprogress = (sent) => {
    bar.hidden = false;
    bar.value = sent.lengthComputable ? sent.loaded / sent.total : 0;
  };
  const over = (text) => {
    button.disabled = false;
    bar.hidden = true;
    tell(text);
  };
  request.onload = () => {
    const fresh = request.response?.getElementById("main");
    if (!fresh) return over("The upload was refused.");
    document.title = request.response.title;
    main.replaceChildren(...[...fresh.childNodes].map((node) => document.adoptNode(node)));
    main.focus();
    over(main.querySelector(".notice")?.textContent ?? "");
  };
  request.onerror = () => over("The connection was cut; nothing landed.");
  button.disabled = true;
  tell("Uploading");
  request.send(new FormData(form));
});
