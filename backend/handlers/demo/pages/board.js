/** The board: a card per meter, grouped by shaft, kept fresh in place. */

import { age, days, make, setText, thousandths, yuan } from './words.js';
import { badges, isOffline, isPending, isPrepaid, isStale, RELAYS, STATES, stateOf, stateWord } from './states.js';

const rows = new Map();
const cards = new Map();
const shafts = new Map();
let wanted = 'all';
let searched = '';
let open = () => {};

const place = document.querySelector('#shafts');
const tiles = document.querySelector('#tiles');
const nothing = document.querySelector('#nothing');

export const rowOf = (meterId) => rows.get(meterId);
export const rowOfAccount = (accountId) => (accountId ? [...rows.values()].find((row) => row.account_id === accountId) : undefined);
export const nameOf = (row) => (isPrepaid(row) ? `${row.shop_code} ${row.shop_name}` : row.place || row.serial);

export function startBoard(onOpen) {
  open = onOpen;
  const choices = { all: { word: '全部', shape: '' }, ...STATES };
  for (const [key, { word, shape }] of Object.entries(choices)) {
    tiles.append(
      make('button', { class: `tile ${key}`, 'data-state': key, 'aria-pressed': String(key === wanted), onclick: choose },
        make('span', { class: 'count' }, '0'), make('span', { class: 'what' }, shape ? `${shape} ${word}` : word)),
    );
  }
  document.querySelector('#search').addEventListener('input', (event) => {
    searched = event.target.value.trim().toLowerCase();
    filter();
  });
  document.querySelector('#sort').addEventListener('change', arrange);
  setInterval(refreshAges, 5_000);
}

function choose(event) {
  wanted = event.currentTarget.dataset.state;
  for (const tile of tiles.children) tile.setAttribute('aria-pressed', String(tile.dataset.state === wanted));
  filter();
}

/** Take rows from the stream; `isWhole`: rows that are not named are gone. */
export function takeRows(changed, isWhole) {
  if (isWhole) {
    const named = new Set(changed.map((row) => row.meter_id));
    for (const id of [...rows.keys()].filter((each) => !named.has(each))) {
      rows.delete(id);
      cards.get(id).item.remove();
      cards.delete(id);
    }
  }
  for (const row of changed) {
    const before = rows.get(row.meter_id);
    rows.set(row.meter_id, row);
    if (!cards.has(row.meter_id)) addCard(row);
    show(row, before);
  }
  if (changed.length) {
    count();
    filter();
  }
}

function shaftOf(row) {
  if (!shafts.has(row.shaft)) {
    const facts = make('span', { class: 'facts' });
    const trouble = make('p', { class: 'trouble', hidden: true });
    const list = make('ul', { class: 'cards' });
    const section = make('section', { class: 'shaft', 'aria-label': row.shaft_name },
      make('h2', {}, row.shaft_name, facts), trouble, list);
    place.append(section);
    shafts.set(row.shaft, { section, facts, trouble, list });
  }
  return shafts.get(row.shaft);
}

function addCard(row) {
  const text = (name) => make('span', { class: name });
  const card = {
    code: text('code'), state: text('state'), name: text('name'), money: text('money'), days: text('days'),
    settled: text('settled'), power: text('power'), relay: text('relay'), age: text('age'), badges: text('badges'),
  };
  card.button = make('button', { class: 'card', 'data-meter': row.meter_id, onclick: () => open(row.meter_id) },
    make('span', { class: 'line' }, card.code, card.state), card.name,
    make('span', { class: 'line' }, card.money, card.days),
    make('span', { class: 'line small' }, card.settled, card.power),
    make('span', { class: 'line small' }, card.relay, card.age), card.badges);
  card.item = make('li', {}, card.button);
  cards.set(row.meter_id, card);
  shaftOf(row).list.append(card.item);
}

function show(row, before) {
  const card = cards.get(row.meter_id);
  const state = stateOf(row);
  const isShop = isPrepaid(row);
  setText(card.code, isShop ? row.shop_code : row.serial);
  setText(card.state, `${STATES[state].shape} ${stateWord(row, state)}`);
  setText(card.name, isShop ? row.shop_name : row.place || '公区');
  setText(card.money, isShop ? yuan(row.estimated_fen) : `${thousandths(row.register_wh, 2)} 度`);
  setText(card.days, isShop ? days(row.days_left) : '公区表');
  setText(card.settled, isShop ? `账面 ${yuan(row.settled_fen)}` : '累计示数');
  setText(card.power, row.power_w === null ? '功率 —' : `${thousandths(row.power_w, 2)} kW`);
  const differs = isShop && (isPending(row) || (row.desired !== row.relay && row.relay !== 'UNKNOWN'));
  setText(card.relay, !isShop ? '无继电器'
    : `继电器 ${RELAYS[row.relay] ?? row.relay}${differs ? ` → 目标 ${RELAYS[row.desired]}` : ''}`);
  card.relay.classList.toggle('differs', differs);
  setText(card.badges, badges(row, state).join(' · '));
  card.money.classList.toggle('negative', isShop && row.estimated_fen < 0);
  card.button.dataset.state = state;
  showAge(row, card);
  if (before && stateOf(before) !== state) flash(card.button);
}

function showAge(row, card) {
  setText(card.age, age(row.shown_at));
  card.button.classList.toggle('stale', isStale(row));
}

function flash(element) {
  element.classList.remove('flash');
  void element.offsetWidth; // Starts the animation anew.
  element.classList.add('flash');
}

function refreshAges() {
  for (const [id, row] of rows) {
    if (stateOf(row) === cards.get(id).button.dataset.state) showAge(row, cards.get(id));
    else show(row, row); // Time alone has made its data too old.
  }
  count();
  filter();
}

function count() {
  const counts = { all: rows.size };
  for (const row of rows.values()) {
    const state = stateOf(row);
    counts[state] = (counts[state] ?? 0) + 1;
  }
  for (const tile of tiles.children) setText(tile.firstChild, String(counts[tile.dataset.state] ?? 0));
  headings();
}

function headings() {
  for (const [code, shaft] of shafts) {
    const mine = [...rows.values()].filter((row) => row.shaft === code);
    const offline = mine.filter(isOffline);
    const newest = mine.reduce((best, row) => (row.shown_at > (best ?? '') ? row.shown_at : best), null);
    setText(shaft.facts, `在线 ${mine.length - offline.length}/${mine.length} · 最近抄表 ${age(newest)}`);
    const isDown = mine.length > 3 && offline.length * 10 >= mine.length * 9;
    shaft.trouble.hidden = !isDown;
    if (isDown) setText(shaft.trouble, `通讯中断：${offline.length} 块表没有应答。断线不影响供电，电表保持原来的状态。`);
  }
}

function matches(row) {
  if (wanted !== 'all' && stateOf(row) !== wanted) return false;
  if (!searched) return true;
  return [row.shop_code, row.shop_name, row.serial, row.place, row.floor]
    .some((text) => text && text.toLowerCase().includes(searched));
}

function filter() {
  let shown = 0;
  for (const [id, row] of rows) {
    const isShown = matches(row);
    cards.get(id).item.hidden = !isShown;
    if (isShown) shown += 1;
  }
  for (const { section, list } of shafts.values()) section.hidden = !list.querySelector('li:not([hidden])');
  nothing.hidden = shown > 0 || rows.size === 0;
}

/** Put the cards of each shaft in the chosen order, once: cards must not jump under the mouse. */
function arrange() {
  const byDays = document.querySelector('#sort').value === 'days';
  const left = (row) => (isPrepaid(row) ? row.days_left ?? 9_999 : 99_999);
  const ordered = [...rows.values()];
  if (byDays) ordered.sort((a, b) => left(a) - left(b) || (a.estimated_fen ?? 0) - (b.estimated_fen ?? 0));
  for (const row of ordered) shaftOf(row).list.append(cards.get(row.meter_id).item);
}
