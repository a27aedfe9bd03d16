// The page around the matrix.

const here = (id) => document.getElementById(id);
const LINES = 50; // of each list at first
const CLUSTERS = 100; // of the list for small windows at first
const SMALL = matchMedia("(max-width: 40rem)");

// The key of the function leaves the address at once, where others could read it. It is kept in memory
// only, for what this page asks of its own function.
const key = (() => {
  const address = new URL(location.href);
  const found = address.searchParams.get("code");
  if (found !== null) {
    address.searchParams.delete("code");
    history.replaceState(null, "", address.pathname + address.search + address.hash);
  }
  return found;
})();
const isServed = location.protocol.startsWith("http");

let model;
let seenAt; // when the observation began, by this page's own clock
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
    told = { error: `the function answered ${answer.status}`, hint: "open the page anew, with its key" };
  }
  if (!answer.ok) throw new Error(`${told.error ?? `the function answered ${answer.status}`}${told.hint ? `; ${told.hint}` : ""}`);
  return told;
}

// What the document says

function showAll(data) {
  model = new Model(data);
  seenAt = performance.now() - data.age_seconds * 1000;
  showFacts(data);
  showLines("unseen", data.unseen);
  showLines("warnings", data.warnings);
  showChoices();
  showCounts();
  showNext(data.next);
  showQuotas(data.quotas);
  showAge();
  apply();
}

function showFacts(data) {
  const { clusters, registries } = data.counts;
  const facts = [
    ["owner", shown(data.owner)],
    ["mode", data.mode],
    ["estate", `${plural(clusters, "cluster")}, ${plural(registries, "registry", "registries")}`],
  ];
  const told = facts.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value)));
  here("facts").replaceChildren(...told);
}

function showLines(id, lines) {
  here(id).hidden = lines.length === 0;
  here(id).querySelector("ul").replaceChildren(...lines.map((line) => element("li", {}, shown(line))));
}

function showChoices() {
  here("tags").replaceChildren(...model.tags.slice(0, 500).map((tag) => element("option", { value: tag })));
  const all = element("option", { value: "" }, "all");
  const each = model.subscriptions.map((id) => element("option", { value: id }, id));
  here("filter-subscription").replaceChildren(all, ...each);
}

function showCounts() {
  const buttons = STATES.map(({ name, symbol, means }) => {
    const button = element("button", {
      type: "button", "data-filter-state": name, "aria-pressed": filter.states.has(name), title: means,
    }, element("span", { class: "symbol", "aria-hidden": true, "data-state": name }, symbol),
    ` ${name} `, element("b", {}, NUMBER.format(model.data.counts[name])));
    button.addEventListener("click", () => {
      if (!filter.states.delete(name)) filter.states.add(name);
      refine();
    });
    return button;
  });
  here("counts").replaceChildren(...buttons);
}

function showNext(next) {
  const kinds = [
    ["attach", "attach", "+"], ["detach", "detach", "−"], ["held", "hold", "!"],
  ];
  const blocks = kinds.filter(([kind]) => next[kind].length).map(([kind, verb, symbol]) => {
    const lines = next[kind].map((line) => element("li", {}, shown(line)));
    const list = element("ul", { class: "lines" }, ...lines.slice(0, LINES));
    const count = element("b", {}, NUMBER.format(lines.length));
    const title = element("summary", {}, element("span", { class: "symbol", "aria-hidden": true }, symbol), ` ${verb} `, count);
    const block = element("details", { "data-kind": kind, open: "" }, title, list);
    if (lines.length > LINES) {
      const more = element("button", { type: "button" }, `Show all ${NUMBER.format(lines.length)}`);
      more.addEventListener("click", () => {
        list.replaceChildren(...lines);
        more.remove();
      });
      block.append(more);
    }
    return block;
  });
  const nothing = element("p", { class: "quiet" }, "Nothing: everything is as the policy wants it.");
  here("next").replaceChildren(...(blocks.length ? blocks : [nothing]));
}

function showQuotas(quotas) {
  here("quotas").hidden = quotas.length === 0;
  const lines = quotas.map(({ subscription, assignments, most }) => {
    const text = `${NUMBER.format(assignments)} of ${NUMBER.format(most)}`;
    const bar = element("meter", {
      min: 0, max: most, high: most * 0.8, optimum: 0, value: assignments, "aria-label": `${subscription}: ${text}`,
    }, text);
    return element("li", {}, element("code", {}, subscription), bar, element("span", { class: "number" }, text));
  });
  here("quotas").querySelector("ul").replaceChildren(...lines);
}

function showAge() {
  const seconds = Math.max(0, Math.round((performance.now() - seenAt) / 1000));
  const age = seconds < 120 ? `${seconds} s` : plural(Math.floor(seconds / 60), "minute");
  here("age").textContent = `seen ${age} ago`;
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
  here("clear-filters").disabled = isEmpty(filter);
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
    const pairs = model.pairsOf(cluster, columns).map((pair) => {
      const name = shown(model.data.registries[pair.registry].name);
      const button = element("button", { type: "button" },
        element("span", { class: "symbol", "aria-hidden": true, "data-state": pair.state }, pair.symbol),
        element("span", {}, name), element("span", { class: "quiet" }, pair.state));
      button.addEventListener("click", () => openStory(cluster, pair.registry));
      return element("li", {}, button);
    });
    const none = element("li", { class: "quiet" }, "no registry");
    const name = element("h3", {}, shown(model.data.clusters[cluster].name));
    return element("li", {}, name, element("ul", {}, ...(pairs.length ? pairs : [none])));
  });
  here("list").replaceChildren(...items);
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
  const said = pair.state === "none" ? "not attached" : pair.state;
  here("story-title").textContent = `${shown(ends[0].name)} → ${shown(ends[1].name)}: ${said}`;
  const why = [pair.rule && `rule ${pair.rule}`, pair.why].filter(Boolean).join("; ");
  here("story-why").textContent = shown(why);
  here("story-ends").replaceChildren(...ends.map(endOf));
  here("story-text").textContent = isServed ? "Looking …" : "This is a saved page. Open it from its function to be told why.";
  const number = ++asked;
  if (!here("story").open) here("story").showModal();
  if (!isServed) return;
  const text = await ask({ cluster: ends[0].id, registry: ends[1].id }).then(
    (told) => told.text, (error) => `It could not be told: ${error.message}`,
  );
  if (number === asked) here("story-text").textContent = text;
}

function endOf(end) {
  const tags = Object.entries(end.tags).map((tag) => element("li", {}, element("bdi", {}, shown(tagText(tag)))));
  const place = `${shown(end.resource_group)}, ${shown(end.location)}`;
  return element("section", {}, element("h3", {}, shown(end.name)), element("p", { class: "quiet" }, place),
    element("ul", { class: "tags", "aria-label": "tags" }, ...tags));
}

async function lookAgain() {
  const button = here("look-again");
  button.disabled = true;
  here("trouble").hidden = true;
  try {
    showAll(await ask());
  } catch (error) {
    here("trouble").textContent = `It could not be looked at again: ${shown(error.message)}`;
    here("trouble").hidden = false;
  }
  button.disabled = false;
}

here("filters").addEventListener("submit", (event) => event.preventDefault());
here("filter-text").addEventListener("input", (event) => refine({ text: event.target.value.trim().toLowerCase() }));
here("filter-tag").addEventListener("input", (event) => refine({ tag: event.target.value.trim() }));
here("filter-subscription").addEventListener("change", (event) => refine({ subscription: event.target.value }));
here("clear-filters").addEventListener("click", () => refine(filterOf("")));
here("more").addEventListener("click", () => {
  listed += CLUSTERS;
  apply();
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
setInterval(showAge, 1000);

showAll(JSON.parse(here("data").textContent));
