// Shows what /events tells, as it happens. docs/status.md has the words of all that is read here.
//
// The way of a node: an event puts it into `nodes` or takes it out, the cards that this concerns are marked, and the next frame
// draws those anew. What peers sent is only ever set as text.
"use strict";

const mostRows = 100; // of a card, until more are asked for: a browser is slow with thousands
const mostEvents = 50;
const shortestAbsence = 500; // ms until another stream is asked for; doubled until the longest
const longestAbsence = 5000;
const clockInterval = 10_000; // ms after which "since" is reckoned anew
const speechInterval = 2_000; // ms between two announcements at least
const withoutHost = ""; // the card of nodes that have no host

// ---- what is known

let daemon = null; // of /status
let hosts = []; // of /hosts
let nodes = new Map(); // by id
let events = []; // the newest first

const isOneHost = () => daemon !== null && daemon.asked.host.address !== "127.0.0.1";
const ownHost = () => daemon.asked.host.address;
const hostOf = (node) => node.host?.address ?? withoutHost;
const titleOf = (host) => visible(host.name ?? host.address);

/** What the host of a node is called now: a node may have been told of under an earlier name. */
const hostTitle = (node) => titleOf(hosts.find((one) => one.address === node.host.address) ?? node.host);

/** All hosts that have a card here: those that are known, and those that only a node tells of. */
function shownHosts(byHost) {
  const known = new Map(hosts.map((one) => [one.address, one]));
  for (const [address, [node]] of byHost) {
    if (address !== withoutHost && !known.has(address)) {
      known.set(address, { ...node.host, addresses: [address], origin: "seen" });
    }
  }
  return [...known.values()].filter((one) =>
    isOneHost() ? one.address === ownHost() : one.origin !== "seen" || byHost.has(one.address),
  );
}

function nodesByHost() {
  const result = new Map();
  for (const node of nodes.values()) {
    if (!result.has(hostOf(node))) result.set(hostOf(node), []);
    result.get(hostOf(node)).push(node);
  }
  return result;
}

const isShown = (node) => !isOneHost() || node.host === null || node.host.address === ownHost();

// ---- words

/** With an escape for what is not seen, or has others be seen otherwise: controls, and marks that turn writing round. */
const visible = (text) => text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (one) => `\\u{${one.codePointAt(0).toString(16)}}`);

const nameOf = (node) => visible(node.node_name ?? node.alive_name);

/** A sentence with names in it, as parts: each name is an element of its own, so that its writing turns nothing else round. */
const say = (words, ...names) => words.flatMap((text, place) => (place < names.length ? [text, ...[names[place]].flat().map(nameElement)] : [text]));
const nameElement = (name) => (name instanceof Node ? name : element("bdi", String(name)));

const plural = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;

function age(since) {
  const seconds = Math.max(0, Math.round((Date.now() - Date.parse(since)) / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86400)} days`;
}

const kinds = { 72: "hidden Erlang VM", 77: null, 104: "C node", 110: "Java node" };

const lengthOfName = (name) => (name.slice(name.indexOf("@") + 1).includes(".") ? "long" : "short");

function ownerOf({ pid, program, uid, user }) {
  const who = user ?? (uid === null ? null : `uid ${uid}`);
  const process = pid === null ? null : `${visible(program ?? "pid")} ${pid}`;
  return [process, who].filter((one) => one !== null).join(", ") || "not visible";
}

/** What stands below a node's name: pairs of a word and its value. */
function factsOf(node) {
  return [
    ["port", String(node.port)],
    ["owner", ownerOf(node.owner)],
    ["type", kinds[node.type] === undefined ? String(node.type) : kinds[node.type]],
    ["placed by", node.evidence],
    ["name", node.node_name === null ? null : lengthOfName(node.node_name)],
  ].filter(([, value]) => value !== null);
}

function badgesOf(node) {
  return [
    node.state === "placed" ? null : node.state,
    node.is_guess ? "guess" : null,
    node.is_adopted ? "adopted" : null,
  ].filter((one) => one !== null);
}

/** Why a node has no host. */
function troubleOf(node) {
  const [, host] = (node.node_name ?? "").split("@");
  if (node.trouble === null) return "nothing says to which host it belongs";
  return host === undefined ? node.trouble : [`its host ${visible(host)} `, node.trouble];
}

/** What is wrong with a node, as parts, and what helps; null: nothing. */
function complaintOf(node) {
  if (node.state === "unplaced") {
    return [
      say`${nameOf(node)} (port ${node.port}) is unplaced: ${troubleOf(node)}. It is found at every host.`,
      node.trouble === null
        ? "Start it with -sname or -name and its host, or let it listen at its host's address."
        : 'Give its host an address of this machine: a line "127.0.0.2 NAME" in /etc/hosts, or "NAME = 127.0.0.2" below [host] in loopmd.conf.',
    ];
  }
  if (node.state === "parked") {
    return [
      say`${nameOf(node)} (port ${node.port}) is parked: another node has its name at ${hostTitle(node)}, and nobody finds this one.`,
      "Stop one of the two, or give it another name.",
    ];
  }
  if (node.is_adopted) {
    return [
      say`${nameOf(node)} (port ${node.port}) is adopted: it was registered with another epmd, and has not registered here yet.`,
      "A VM of OTP 23.3 or later does so within seconds; an older one has to be restarted.",
    ];
  }
  return null;
}

function complaints(shown) {
  const all = [];
  const trouble = daemon?.reloads.trouble ?? null;
  if (trouble !== null) {
    all.push([say`The configuration was not read again: ${trouble}.`, "Mend it, and reload once more."]);
  }
  for (const one of shown) {
    if (one.name === null) {
      all.push([
        say`${one.address} has no name, though a node is there: others reach it as NAME@${one.address} only.`,
        `Add the line "${one.address} NAME" to /etc/hosts, or "NAME = ${one.address}" below [host] in loopmd.conf.`,
      ]);
    }
  }
  for (const node of nodes.values()) {
    const one = isShown(node) ? complaintOf(node) : null;
    if (one !== null) all.push(one);
  }
  return all;
}

const reasons = {
  name_taken: "its name is taken",
  name_not_allowed: "its name is not allowed",
  extra_too_long: "its extra field is too long",
};

/** Which events have no line: another says it better, or it is only that more is known. */
const isQuiet = (event) => event.event === "registered" || event.event === "changed";

/** One line of the recent events, as parts. */
function lineOf(event) {
  switch (event.event) {
    case "reloaded": return event.trouble === null ? ["The configuration was read again"] : say`Not reloaded: ${event.trouble}`;
    case "not_upgraded": return say`Not upgraded: ${event.trouble}`;
    case "hosts_changed": return ["Hosts have other names or addresses than before"];
  }
  const node = event.node;
  const who = say`${nameOf(node)}, port ${node.port},`;
  const where = node.host === null ? null : titleOf(node.host);
  const other = event.other ? say`; ${nameOf(event.other)}, ${ownerOf(event.other.owner)}, has it` : [];
  switch (event.event) {
    case "placed": return [...who, ...say` is at ${where}, by ${node.evidence}`];
    case "unplaced": return [...who, ...say` is unplaced: ${troubleOf(node)}`];
    case "parked": return [...who, ...say` is parked at ${where}: its name is taken`, ...other];
    case "promoted": return [...who, ...say` got its place at ${where ?? "every host"}`];
    case "unregistered": return [...who, ...(where === null ? [" went"] : say` went from ${where}`)];
    case "came_back": return [...who, " has registered here by itself"];
    case "refused": return [...who, ...say` was refused: ${reasons[event.reason] ?? event.reason}`, ...other];
    default: return [...who, ` ${event.event}`];
  }
}

// ---- drawing

const textOf = (parts) => parts.map((one) => one.textContent ?? one).join("");

const at = (id) => document.getElementById(id);

function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className !== undefined) made.className = className;
  return made;
}

/** Makes `list` have just these children, in this order, and moves none that stays: what is moved loses focus and selection. */
function arrange(list, children) {
  const wanted = new Set(children);
  for (const child of [...list.children]) {
    if (!wanted.has(child)) child.remove();
  }
  let next = list.firstElementChild;
  for (const child of children) {
    if (child === next) {
      next = next.nextElementSibling;
    } else {
      list.insertBefore(child, next);
    }
  }
}

function timeElement(moment, text) {
  const made = element("time", text);
  made.dateTime = moment;
  made.title = new Date(moment).toLocaleString();
  return made;
}

class Card {
  constructor(key) {
    this.key = key;
    this.root = at("host-template").content.firstElementChild.cloneNode(true);
    this.rows = new Map(); // by the node's id
    this.showsAll = false;
    this.isNew = true;
    const title = this.root.querySelector("h2");
    title.id = `host-${key || "none"}`;
    this.root.setAttribute("aria-labelledby", title.id);
    this.root.dataset.address = key;
    this.root.classList.toggle("without", key === withoutHost);
    this.more = this.root.querySelector(".more");
    this.more.addEventListener("click", () => {
      this.showsAll = true;
      drawNow([this.key]);
      const first = this.root.querySelectorAll(".node h3")[mostRows];
      first.tabIndex = -1;
      first.focus(); // where the button was
    });
  }

  title(host) {
    const where = this.root.querySelector("h2 bdi");
    if (host === null) {
      where.textContent = "Without a host";
      this.root.querySelector(".addresses").textContent = "found at every host";
      return;
    }
    const text = titleOf(host);
    if (isOneHost() || host.address === "127.0.0.1" || !isServed(host.address)) {
      where.replaceChildren(text);
    } else {
      const link = where.querySelector("a") ?? element("a");
      link.textContent = text;
      link.href = addressOfPage(host.address);
      where.replaceChildren(link);
    }
    const isMachine = host.origin === "machine";
    this.root.querySelector(".addresses").textContent =
      (isMachine ? "this machine, " : "") + (isMachine ? host.address : host.addresses.join(", "));
  }

  draw(host, all) {
    this.title(host);
    all.sort((left, right) => (left.alive_name < right.alive_name ? -1 : left.alive_name > right.alive_name ? 1 : left.id - right.id));
    const shown = this.showsAll ? all : all.slice(0, mostRows);
    const ids = new Set(shown.map((one) => one.id));
    for (const id of this.rows.keys()) {
      if (!ids.has(id)) this.rows.delete(id);
    }
    arrange(this.root.querySelector(".nodes"), shown.map((one) => this.row(one)));
    this.root.querySelector(".count").textContent = plural(all.length, "node");
    this.root.querySelector(".nothing").hidden = all.length > 0;
    this.more.hidden = shown.length === all.length;
    this.more.textContent = `show all ${all.length} nodes`;
    this.isNew = false;
  }

  row(node) {
    const known = this.rows.get(node.id);
    if (known !== undefined && known.node === node) return known.root;
    const root = known?.root ?? at("node-template").content.firstElementChild.cloneNode(true);
    if (known === undefined && !this.isNew) root.classList.add("fresh");
    this.rows.set(node.id, { node, root });
    root.querySelector(".name").textContent = nameOf(node);
    root.querySelector(".badges").replaceChildren(...badgesOf(node).map((one) => element("span", one, "badge")));
    const pairs = factsOf(node).map(([word, value]) => [word, element("bdi", value)]);
    pairs.push(["since", timeElement(node.since, age(node.since))]);
    root.querySelector("dl").replaceChildren(
      ...pairs.map(([word, value]) => {
        const pair = element("div");
        const description = element("dd");
        description.append(value);
        pair.append(element("dt", word), description);
        return pair;
      }),
    );
    return root;
  }
}

const cards = new Map(); // by the host's address
const marked = new Set(); // cards that are to be drawn
let isDrawingDue = false;

function draw(...addresses) {
  addresses.forEach((one) => marked.add(one));
  if (!isDrawingDue) {
    isDrawingDue = true;
    requestAnimationFrame(() => {
      isDrawingDue = false;
      drawNow([]);
    });
  }
}

const drawAll = () => draw(...cards.keys()); // a card that is not there yet is drawn anyway

function drawNow(addresses) {
  addresses.forEach((one) => marked.add(one));
  const byHost = nodesByHost();
  const shown = shownHosts(byHost);
  const wanted = new Map(shown.map((one) => [one.address, one]));
  if (byHost.has(withoutHost)) wanted.set(withoutHost, null);
  for (const [address, host] of wanted) {
    if (!cards.has(address)) {
      cards.set(address, new Card(address));
      marked.add(address);
    }
    if (marked.has(address)) cards.get(address).draw(host, byHost.get(address) ?? []);
  }
  for (const address of [...cards.keys()]) {
    if (!wanted.has(address)) cards.delete(address);
  }
  arrange(at("hosts"), [...wanted.keys()].map((address) => cards.get(address).root));
  marked.clear();
  drawHeader(shown, byHost);
  drawAttention(complaints(shown));
  drawEvents();
}

function drawHeader(shown, byHost) {
  if (daemon === null) return;
  const own = isOneHost() ? shown[0] ?? daemon.asked.host : hosts[0];
  const name = own === undefined ? "this machine" : titleOf(own);
  at("title").textContent = name;
  document.title = `${name} · loopmd`;
  document.body.classList.toggle("one-host", isOneHost());
  const inUse = byHost.size - (byHost.has(withoutHost) ? 1 : 0);
  at("summary").textContent = isOneHost()
    ? `a host of ${hosts[0]?.name ?? "this machine"}, ${plural(byHost.get(ownHost())?.length ?? 0, "node")}`
    : `${plural(nodes.size, "node")} at ${plural(inUse, "host")}`;
  at("all-hosts").hidden = !isOneHost() || !isServed("127.0.0.1");
  at("all-hosts").firstElementChild.href = addressOfPage("127.0.0.1");
  at("daemon").textContent =
    `loopmd ${daemon.version}, pid ${daemon.pid}, port ${daemon.port}, up since ${new Date(daemon.started).toLocaleString()}; ` +
    `serves ${daemon.serves === "everybody" ? "whoever reaches it" : "this machine only"}; ` +
    `a restart ${daemon.survives_restart ? "loses no node" : "loses nodes until they register again"}`;
}

let lastComplaints = "";
function drawAttention(all) {
  const texts = JSON.stringify(all.map(([what, mend]) => [textOf(what), mend]));
  if (texts === lastComplaints) return;
  lastComplaints = texts;
  const shown = all.slice(0, mostRows).map(([what, mend]) => {
    const row = element("li");
    row.append(...what, " ", element("span", mend, "mend"));
    return row;
  });
  if (all.length > shown.length) shown.push(element("li", `and ${all.length - shown.length} more`));
  at("attention").hidden = all.length === 0;
  at("attention").querySelector("ul").replaceChildren(...shown);
}

function drawEvents() {
  const list = at("recent").querySelector("ol");
  const shown = events.filter((one) => one.node === undefined || isShown(one.node)).slice(0, mostEvents);
  at("recent").querySelector(".nothing").hidden = shown.length > 0;
  if (list.firstElementChild?.event === shown[0] && list.children.length === shown.length) return;
  list.replaceChildren(
    ...shown.map((one) => {
      const row = element("li");
      row.event = one;
      const line = element("span");
      line.append(...lineOf(one));
      row.append(timeElement(one.at, new Date(one.at).toLocaleTimeString()), line);
      return row;
    }),
  );
}

setInterval(() => {
  for (const one of document.querySelectorAll(".node time")) one.textContent = age(one.dateTime);
}, clockInterval);

// ---- announcements, for who does not see

let came = [];
let went = [];
let isSpeechDue = false;

function speakSoon() {
  if (isSpeechDue) return;
  isSpeechDue = true;
  setTimeout(() => {
    isSpeechDue = false;
    const told = (names, did) => (names.length === 0 ? null : names.length <= 3 ? `${names.join(", ")} ${did}` : `${names.length} nodes ${did}`);
    at("announcement").textContent = [told(came, "came"), told(went, "went")].filter((one) => one !== null).join("; ");
    came = [];
    went = [];
  }, speechInterval);
}

// ---- what comes in

/** Whether a browser that asks where this one does finds a page there as well. */
function isServed(address) {
  return isLoopback(daemon?.asked.address ?? "") && daemon.listeners.some((one) => ["0.0.0.0", "::", address].includes(one));
}

const isLoopback = (address) => address.startsWith("127.") || address === "::1";

function addressOfPage(address) {
  return `http://${address.includes(":") ? `[${address}]` : address}:${daemon?.port ?? location.port}/`;
}

async function read(page) {
  const answer = await fetch(page, { cache: "no-store" });
  if (!answer.ok) throw new Error(`${page}: ${answer.status}`);
  return answer.json();
}

/** All that the stream does not tell. A later call counts more, whichever is answered first. */
let reading = 0;
async function readAround() {
  const turn = ++reading;
  try {
    const [status, known, recent] = await Promise.all([read("/status"), read("/hosts"), read("/recent")]);
    if (turn !== reading) return;
    daemon = status;
    hosts = known.hosts;
    const told = recent.events.reverse();
    const since = events.filter((one) => told.length === 0 || one.number > told[0].number);
    events = [...since, ...told.filter((one) => !isQuiet(one))];
    drawAll();
  } catch {
    if (turn === reading) setTimeout(() => source !== null && turn === reading && readAround(), longestAbsence);
  }
}

function take(event) {
  if (!isQuiet(event)) {
    events = [event, ...events].slice(0, 2 * mostEvents);
  }
  if (event.node === undefined) {
    readAround();
    return;
  }
  const before = nodes.get(event.node.id);
  if (event.event === "unregistered" || event.event === "came_back") {
    nodes.delete(event.node.id);
    if (isShown(event.node) && event.event === "unregistered") went.push(nameOf(event.node));
  } else if (event.event !== "refused") {
    nodes.set(event.node.id, event.node);
    const isNew = !before?.isAnnounced;
    event.node.isAnnounced = event.event !== "registered" || before?.isAnnounced === true;
    if (isShown(event.node) && isNew && event.node.isAnnounced) came.push(nameOf(event.node));
  }
  speakSoon();
  draw(...[before, event.node].filter((one) => one !== undefined).map(hostOf));
}

function tell(state, text) {
  const where = at("connection");
  if (where.dataset.state === state) return;
  where.dataset.state = state;
  where.textContent = text;
  document.body.classList.toggle("lost", state === "lost");
}

let source = null;
let absence = shortestAbsence;
let retry = null;

function follow() {
  clearTimeout(retry);
  const mine = new EventSource("/events");
  source = mine;
  mine.addEventListener("nodes", (message) => {
    nodes = new Map(JSON.parse(message.data).nodes.map((one) => [one.id, { ...one, isAnnounced: one.state !== "pending" }]));
    events = [];
    absence = shortestAbsence;
    tell("live", "live");
    drawAll();
    readAround();
  });
  for (const name of ["registered", "placed", "unplaced", "parked", "promoted", "changed", "unregistered", "came_back", "refused",
    "reloaded", "not_upgraded", "hosts_changed"]) {
    mine.addEventListener(name, (message) => take(JSON.parse(message.data)));
  }
  mine.addEventListener("error", () => {
    // A browser gives up after an answer like 503, and waits for seconds after a restart: asked again here, always.
    if (source !== mine) return;
    leave();
    tell("lost", "no answer, tries again");
    retry = setTimeout(follow, absence);
    absence = Math.min(2 * absence, longestAbsence);
  });
}

function leave() {
  clearTimeout(retry);
  source?.close();
  source = null;
}

// A browser has six connections to one address: a tab that nobody looks at takes none.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    leave();
    tell("paused", "paused");
  } else if (source === null) {
    follow();
  }
});

follow();
