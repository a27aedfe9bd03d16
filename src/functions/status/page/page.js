// The page around the matrix.

const here = (id) => document.getElementById(id);
const LINES = 50; // of each list at first
const CLUSTERS = 100; // of the list for small windows at first
const PAIRS = 12; // of each cluster in it at first
const TIGHT = 0.8; // of a subscription's assignments
const SMALL = matchMedia("(max-width: 40rem)");

// The key of the function leaves the address at once, where others could read it. It is kept in memory
// only, for what this page asks of its own function.
const key = (() => {
  const address = new URL(location.href);
  // The host takes it in any letter case.
  const found = [...address.searchParams].filter(([name]) => name.toLowerCase() === "code");
  if (found.length) {
    for (const [name] of found) address.searchParams.delete(name);
    history.replaceState(null, "", address.pathname + address.search + address.hash);
  }
  return found[0]?.[1] ?? null;
})();
const isServed = location.protocol.startsWith("http");

let model;
let seenAt; // when the observation began, by this machine's clock
let filter = filterOf(location.hash);
let listed = CLUSTERS;
const matrix = new Matrix(here("viewport"), here("matrix"), openStory);

async function ask(parameters = {}) {
  const address = new URL(location.href);
  address.hash = "";
  for (const [name, value] of Object.entries(parameters)) address.searchParams.set(name, value);
  const headers = { Accept: "application/json" };
  if (key !== null) headers["x-functions-key"] = key;
  const answer = await fetch(address, { headers, cache: "no-store" });
  const text = await answer.text();
  let told;
  try {
    told = JSON.parse(text);
  } catch {
    const hint = answer.status < 500 ? "open the page anew, with its key" : "try again in a moment";
    told = { error: `the function answered ${answer.status}`, hint };
  }
  if (!answer.ok) throw new Error(`${told.error ?? `the function answered ${answer.status}`}${told.hint ? `; ${told.hint}` : ""}`);
  return told;
}

// What the document says

function showAll(data) {
  model = new Model(data);
  // A saved page knows no more than when it was seen. The clock of the page goes on while a machine sleeps.
  seenAt = isServed ? Date.now() - data.age_seconds * 1000 : Date.parse(data.observed_at);
  showFacts(data);
  showLines("unseen", data.unseen);
  showLines("warnings", data.warnings);
  showChoices();
  showCounts();
  showLegend();
  showNext(data);
  showQuotas(data.quotas);
  showAge();
  apply();
}

function showFacts(data) {
  const { clusters, registries } = data.counts;
  const facts = [
    ["owner", shown(data.owner)],
    ["mode", data.mode, MODES[data.mode]],
    ["estate", `${plural(clusters, "cluster")}, ${plural(registries, "registry", "registries")}`],
  ];
  const told = facts.map(([name, value, ...more]) => element("div", {}, element("dt", {}, name),
    element("dd", {}, value), ...more.map((text) => element("dd", { class: "quiet" }, text))));
  here("facts").replaceChildren(...told);
}

function showLines(id, lines) {
  here(id).hidden = lines.length === 0;
  here(id).querySelector("ul").replaceChildren(...lines.map((line) => element("li", {}, ...marked(line))));
}

/** A sentence in which names stand between backticks, as nodes */
function marked(sentence) {
  const parts = shown(sentence).split("`");
  if (parts.length % 2 === 0) return [shown(sentence)];
  return parts.map((part, place) => (place % 2 ? element("code", {}, part) : part));
}

function showChoices() {
  here("tags").replaceChildren(...model.tags.slice(0, 500).map((tag) => element("option", { value: tag })));
  const all = element("option", { value: "" }, "all");
  const each = model.subscriptions.map((id) => element("option", { value: id }, id));
  here("filter-subscription").replaceChildren(all, ...each);
  here("filter-subscription").value = filter.subscription;
}

function makeCounts() {
  const buttons = STATES.map(({ name, symbol, means }) => {
    const button = element("button", { type: "button", "data-filter-state": name, title: means },
      element("span", { class: "symbol", "aria-hidden": true, "data-state": name }, symbol), ` ${name} `, element("b"));
    button.addEventListener("click", () => {
      if (!filter.states.delete(name)) filter.states.add(name);
      refine();
    });
    return button;
  });
  here("counts").replaceChildren(...buttons);
}

// The buttons stay, and with them the keyboard.
function showCounts() {
  for (const button of here("counts").children) {
    const count = model.counts[button.dataset.filterState];
    button.dataset.count = count;
    button.querySelector("b").textContent = NUMBER.format(count);
  }
}

function showLegend() {
  const lines = STATES.flatMap(({ name, symbol, means }) => [
    element("dt", {}, element("span", { class: "symbol", "aria-hidden": true, "data-state": name }, symbol), name),
    element("dd", {}, means),
  ]);
  here("legend").querySelector("dl").replaceChildren(...lines);
}

function showNext({ unseen, next }) {
  const before = (kind) => here("next").querySelector(`[data-kind=${kind}]`);
  const kinds = [
    ["attach", "attach", "+"], ["detach", "detach", "−"], ["held", "hold", "!"],
  ];
  const blocks = kinds.filter(([kind]) => next[kind].length).map(([kind, verb, symbol]) => {
    const lines = next[kind];
    const items = (some) => some.map((line) => element("li", {}, ...marked(line)));
    const list = element("ul", { class: "lines" }, ...items(lines.slice(0, LINES)));
    const count = element("b", {}, NUMBER.format(lines.length));
    const title = element("summary", { "data-key": kind }, element("span", { class: "symbol", "aria-hidden": true }, symbol),
      ` ${verb} `, count);
    const block = element("details", { "data-kind": kind }, title, list);
    block.open = before(kind)?.open ?? true;
    if (lines.length > LINES) {
      const more = element("button", { type: "button", "data-key": `${kind} more` }, `Show all ${NUMBER.format(lines.length)}`);
      const showRest = () => {
        list.append(...items(lines.slice(LINES)));
        block.dataset.whole = "";
        more.remove();
      };
      more.addEventListener("click", () => {
        showRest();
        focusItem(list.children[LINES]);
      });
      block.append(more);
      if (before(kind)?.dataset.whole === "") showRest();
    }
    return block;
  });
  const why = unseen.length ? "Nothing, as far as was seen." : "Nothing: everything is as the policy wants it.";
  const nothing = element("p", { class: "quiet" }, why);
  redraw(here("next"), blocks.length ? blocks : [nothing]);
}

/** What was just added takes the keyboard, as what asked for it goes. */
function focusItem(item) {
  item.setAttribute("tabindex", "-1");
  item.focus();
}

/** Puts elements in the place of others. The keyboard stays at what has the same key in both. */
function redraw(place, elements) {
  const keyOf = (one) => one?.closest("[data-key]")?.dataset.key;
  const key = place.contains(document.activeElement) ? keyOf(document.activeElement) : undefined;
  place.replaceChildren(...elements);
  if (key === undefined) return;
  const same = [...place.querySelectorAll("[data-key]")].find((one) => one.dataset.key === key);
  if (same?.localName === "li") same.setAttribute("tabindex", "-1");
  same?.focus({ preventScroll: true });
}

function showQuotas(quotas) {
  here("quotas").hidden = quotas.length === 0;
  const fullestFirst = quotas.toSorted((a, b) => b.assignments / b.most - a.assignments / a.most);
  const lines = fullestFirst.map(({ subscription, assignments, most }) => {
    const isTight = assignments > most * TIGHT;
    const room = isTight ? `, room for ${NUMBER.format(Math.max(0, most - assignments))}` : "";
    const text = `${NUMBER.format(assignments)} of ${NUMBER.format(most)}${room}`;
    const bar = element("meter", {
      min: 0, max: most, high: most * TIGHT, optimum: 0, value: assignments, "aria-label": `${subscription}: ${text}`,
    }, text);
    return element("li", {}, element("code", {}, subscription), bar, element("span", { class: "number" }, text));
  });
  here("quotas").querySelector("ul").replaceChildren(...lines);
}

function showAge() {
  const seconds = Math.max(0, Math.round((Date.now() - seenAt) / 1000));
  here("age").textContent = `seen ${ago(seconds)} ago`;
  here("age").title = `at ${model.data.observed_at}`;
}

// What of it is in sight

function apply() {
  const { rows, columns } = model.filtered(filter);
  const { clusters, registries } = model.data;
  const isNothing = rows.length === 0 || columns.length === 0;
  const isEstateEmpty = clusters.length === 0 || registries.length === 0;
  here("nothing").hidden = !isNothing;
  here("nothing").textContent = isEstateEmpty
    ? `There are ${plural(clusters.length, "cluster")} and ${plural(registries.length, "registry", "registries")} in the estate: nothing to pair.`
    : "Nothing matches these filters.";
  here("summary").textContent = `${NUMBER.format(rows.length)} of ${plural(clusters.length, "cluster")}, `
    + `${NUMBER.format(columns.length)} of ${plural(registries.length, "registry", "registries")}`;
  here("clear-filters").setAttribute("aria-disabled", isEmpty(filter));
  here("viewport").hidden = isNothing || SMALL.matches;
  here("keys").hidden = here("viewport").hidden;
  here("list").hidden = isNothing || !SMALL.matches;
  here("more").hidden = here("list").hidden || rows.length <= listed;
  if (!here("viewport").hidden) matrix.show(model, rows, columns);
  if (!here("list").hidden) showList(rows, columns);
  for (const button of here("counts").children) {
    button.setAttribute("aria-pressed", filter.states.has(button.dataset.filterState));
  }
  const fields = { "filter-text": filter.text, "filter-tag": filter.tag, "filter-subscription": filter.subscription };
  for (const [id, value] of Object.entries(fields)) {
    if (document.activeElement !== here(id)) here(id).value = value;
  }
}

// Where there is no room for a matrix
function showList(rows, columns) {
  const items = rows.slice(0, listed).map((cluster) => {
    const { id, name, unseen } = model.data.clusters[cluster];
    const { said, others } = model.pairsOf(cluster, columns);
    const item = element("li", { "data-key": id }, element("h3", {}, shown(name)));
    if (unseen) item.append(element("p", { class: "quiet" }, ...marked(unseen)));
    const rest = said.slice(PAIRS);
    if (said.length) item.append(pairList(cluster, said.slice(0, PAIRS)));
    if (rest.length) item.append(later(`${id} more`, `${rest.length} more`, () => pairList(cluster, rest)));
    if (others.length) item.append(later(`${id} others`, `${others.length} not attached`, () => pairList(cluster, others)));
    return item;
  });
  redraw(here("list"), items);
}

function pairList(cluster, pairs) {
  const items = pairs.map(({ registry, state, symbol }) => {
    const ends = [model.data.clusters[cluster], model.data.registries[registry]];
    const button = element("button", { type: "button", "data-key": ends.map(({ id }) => id).join(" ") },
      element("span", { class: "symbol", "aria-hidden": true, "data-state": state }, symbol),
      element("span", {}, shown(ends[1].name)),
      element("span", { class: "quiet" }, stateText(state)));
    button.addEventListener("click", () => openStory(cluster, registry));
    return element("li", {}, button);
  });
  return element("ul", {}, ...items);
}

const opened = new Set(); // keys of what is made when it is opened, and is open

/** What is made when it is opened: most of it never is. What was open is open when it is drawn anew. */
function later(key, title, make) {
  const block = element("details", {}, element("summary", { class: "quiet", "data-key": key }, title));
  const fill = () => block.children.length > 1 || block.append(make());
  block.open = opened.has(key);
  if (block.open) fill();
  block.addEventListener("toggle", () => {
    if (block.open) fill();
    // One that was replaced may tell of it late.
    if (block.isConnected) opened[block.open ? "add" : "delete"](key);
  });
  return block;
}

function refine(change = {}) {
  Object.assign(filter, change);
  const fragment = fragmentOf(filter);
  history.replaceState(null, "", location.pathname + location.search + (fragment && `#${fragment}`));
  listed = CLUSTERS;
  here("viewport").scrollTo(0, 0);
  apply();
}

// Why a pair is as it is

let asked = 0;

async function openStory(cluster, registry) {
  const ends = [model.data.clusters[cluster], model.data.registries[registry]];
  const pair = model.pair(cluster, registry);
  const entitle = (state) => {
    const symbol = element("span", { class: "symbol", "aria-hidden": true, "data-state": state }, SYMBOLS.get(state) ?? "");
    const title = `${shown(ends[0].name)} → ${shown(ends[1].name)}: ${stateText(state)}`;
    here("story-title").replaceChildren(symbol, element("span", {}, title));
  };
  entitle(pair.state);
  const why = [pair.rule && model.rule(pair.rule), pair.why].filter(Boolean).join("; ");
  here("story-why").replaceChildren(...marked(why));
  here("story-ends").replaceChildren(...ends.map(endOf));
  here("story-text").textContent = isServed ? "Looking …" : "This is a saved page. Open it from its function to be told why.";
  const number = ++asked;
  if (!here("story").open) here("story").showModal();
  if (!isServed) return;
  const told = await ask({ cluster: ends[0].id, registry: ends[1].id })
    .catch((error) => ({ state: pair.state, text: `It could not be told: ${shown(error.message)}` }));
  if (number !== asked) return;
  entitle(told.state);
  here("story-text").replaceChildren(...told.text.split(/(?<=\n)/).map(traceLine));
}

// A line that is too long goes on where its words began.
function traceLine(text) {
  const line = element("span", {}, text);
  line.style.paddingInlineStart = `${/^ */.exec(text)[0].length + 4}ch`;
  line.style.textIndent = `-${/^ */.exec(text)[0].length + 4}ch`;
  return line;
}

function endOf(end) {
  const tags = Object.entries(end.tags).map((tag) => element("li", {}, element("bdi", {}, shown(tagText(tag)))));
  const place = `${shown(end.resource_group)}, ${shown(end.location)}`;
  return element("section", {}, element("h3", {}, shown(end.name)), element("p", { class: "quiet" }, place),
    element("ul", { class: "tags", "aria-label": "tags" }, ...tags));
}

let isLooking = false;

async function lookAgain() {
  if (isLooking) return;
  isLooking = true;
  here("look-again").setAttribute("aria-disabled", true);
  here("looked").textContent = "looking …";
  here("trouble").hidden = true;
  try {
    const data = await ask();
    // Another instance may answer, which looks for itself: its look may be the older one.
    const isSame = Date.parse(data.observed_at) <= Date.parse(model.data.observed_at);
    if (!isSame) {
      keep(data);
      showAll(data);
    }
    here("looked").textContent = isSame ? `a look is kept ${data.kept_seconds} s` : "";
  } catch (error) {
    here("looked").textContent = "";
    here("trouble").textContent = `It could not be looked at again: ${shown(error.message)}`;
    here("trouble").hidden = false;
  }
  here("look-again").setAttribute("aria-disabled", false);
  isLooking = false;
}

// Whoever saves the page saves what it shows, written as the function writes it: ending no element.
function keep(data) {
  const harmless = (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`;
  here("data").textContent = JSON.stringify(data).replace(/[<>&\u2028\u2029]/g, harmless);
}

here("filters").addEventListener("submit", (event) => event.preventDefault());
here("filter-text").addEventListener("input", (event) => refine({ text: event.target.value.trim().toLowerCase() }));
here("filter-tag").addEventListener("input", (event) => refine({ tag: event.target.value.trimStart() }));
here("filter-subscription").addEventListener("change", (event) => refine({ subscription: event.target.value }));
here("clear-filters").addEventListener("click", () => refine(filterOf("")));
// A link's own way would put its target where the filter stands in the address.
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  here("matrix-title").focus();
});
here("more").addEventListener("click", () => {
  const first = listed;
  listed += CLUSTERS;
  apply();
  focusItem(here("list").children[first]);
});
here("look-again").addEventListener("click", lookAgain);
here("look-again").hidden = !isServed;
here("story-close").addEventListener("click", () => here("story").close());
here("story").addEventListener("close", () => here("viewport").hidden || matrix.focus());
here("story").addEventListener("click", (event) => event.target === here("story") && here("story").close());
addEventListener("hashchange", () => {
  filter = filterOf(location.hash);
  apply();
});
SMALL.addEventListener("change", apply);
const ticking = setInterval(showAge, 1000);

makeCounts();
showAll(JSON.parse(here("data").textContent));
