/** A tenant's phone: balance, days left, power, paying, usage. All by the real tenant API. */

import * as api from './phone_api.js';
import { firstDay, usageChart } from './chart.js';
import { stopTracking, trackOrder } from './phone_track.js';
import { age, ageS, days, fenOf, localDay, make, setText, when, yuan } from './words.js';

const REFRESH_MS = 3_000;
const STALE_S = 300;
const QUICK = [5_000, 10_000, 20_000, 50_000];
const LEVELS = ['fine', 'low', 'soon', 'soon'];
const asked = new URLSearchParams(location.search);
const person = asked.get('name') || '商户001';
const screen = document.querySelector('#screen');
const notice = document.querySelector('#notice');
let accounts = [];
let chosen = 0;
let amountFen = 0;
let timer = 0;
let seen = '';

function tell(text, isTrouble = false) {
  notice.hidden = !text;
  notice.classList.toggle('trouble', isTrouble);
  setText(notice, text);
}

async function start() {
  setText(document.querySelector('#person'), `${person} 的手机（演示）`);
  await api.start(person);
  const result = asked.get('result');
  if (result === 'cancel') tell('已取消支付，没有扣款');
  if (result === 'fail') tell('支付没有完成；如已扣款会自动入账，请勿重复付款', true);
  if (asked.get('order') && result !== 'cancel') await showTrack(asked.get('order'));
  else await showHome();
}

async function loadHome() {
  ({ accounts } = await api.home());
  chosen = Math.min(chosen, Math.max(0, accounts.length - 1));
  setText(document.querySelector('#shop'), accounts.length ? accounts[chosen].shop_name : '预电');
}

async function showHome() {
  stopTracking();
  clearTimeout(timer);
  seen = '';
  await loadHome();
  if (!accounts.length) showBinding();
  else {
    const parts = ['wallet', 'balance', 'power', 'pay', 'usage'].map((id) => make('section', { id }));
    screen.replaceChildren(...parts);
    drawPay();
    drawHome();
    drawUsage();
    timer = setTimeout(keepFresh, REFRESH_MS);
  }
}

async function keepFresh() {
  try {
    if (!document.hidden) {
      await loadHome();
      drawHome();
      if (notice.dataset.link) tell('');
      delete notice.dataset.link;
    }
  } catch (error) {
    tell(`网络不通，显示的是之前的数据（${error.message}）`, true);
    notice.dataset.link = 'lost';
  }
  if (document.querySelector('#balance')) timer = setTimeout(keepFresh, REFRESH_MS);
}

function drawHome() {
  const account = accounts[chosen];
  const first = account.supplies.reduce((oldest, each) => (oldest && oldest.read_at < each.read_at ? oldest : each), null);
  const now = JSON.stringify([account, chosen, age(first?.read_at)]);
  if (now === seen) return;
  seen = now;
  document.querySelector('#wallet').replaceChildren(...(accounts.length > 1 ? [wallet()] : []));
  const level = account.in_arrears ? 'soon' : LEVELS[account.level] ?? 'fine';
  const balance = document.querySelector('#balance');
  balance.className = level;
  const seconds = ageS(first?.read_at);
  balance.replaceChildren(
    make('p', { class: 'what' }, '预估可用余额'),
    make('p', { class: account.estimated_fen < 0 ? 'sum negative' : 'sum' }, yuan(account.estimated_fen)),
    make('p', { class: 'days' }, account.in_arrears ? '已欠费，请尽快交费' : account.days_left === null ? '用电不满 3 天，暂不估算可用天数' : `${days(account.days_left)}可用`),
    make('p', { class: 'more' }, `账面余额 ${yuan(account.settled_fen)}`),
    make('p', { class: seconds === null || seconds > STALE_S ? 'more stale' : 'more' },
      seconds === null ? '还没有抄到示数' : `按 ${when(first.read_at)} 的示数（${age(first.read_at)}）`));
  document.querySelector('#power').replaceChildren(...power(account));
}

function wallet() {
  const select = make('select', { 'aria-label': '商铺', onchange: (event) => {
    chosen = Number(event.target.value);
    showHome();
  } }, accounts.map((each, index) => make('option', { value: String(index) }, `${each.shop_code} ${each.shop_name}`)));
  select.value = String(chosen);
  return select;
}

function power(account) {
  const lines = account.supplies.map((supply) => {
    const isOff = supply.relay === 'OFF';
    const [state, word] = supply.desired === 'OFF' && !isOff ? ['amber', '◐ 正在断电']
      : supply.desired === 'ON' && isOff ? ['amber', '◐ 正在恢复供电']
        : isOff ? ['off', '■ 已断电']
          : supply.relay === 'ON' ? ['on', '● 供电中']
            : supply.relay === 'PERMITTED' ? ['amber', '◐ 请在电表上按键合闸'] : ['unknown', '○ 供电状态未知'];
    return make('div', { class: `supply ${state}` }, make('b', {}, word),
      make('span', {}, `电表 ${supply.serial}${supply.relay_at ? ` · ${age(supply.relay_at)}` : ''}`),
      supply.off_reason ? make('p', {}, supply.off_reason) : null,
      supply.power_warning ? make('p', { class: 'hint' }, supply.power_warning) : null);
  });
  if (account.to_restore_fen > 0) lines.push(make('p', { class: 'hint' }, `交 ${yuan(account.to_restore_fen)} 以上即恢复供电`));
  if (account.keep_supply_until) lines.push(make('p', { class: 'hint' }, `物业保电至 ${when(account.keep_supply_until)}，期间欠费不断电`));
  if (account.open_order_no) {
    lines.push(make('button', { class: 'plain', onclick: () => showTrack(account.open_order_no) }, '有一笔付款待确认，查看进度'));
  }
  return lines;
}

function drawPay() {
  const account = accounts[chosen];
  const quick = [...QUICK];
  // What brings the power back comes first, rounded up to ten yuan.
  const needed = Math.ceil(account.to_restore_fen / 1_000) * 1_000;
  if (needed > 0 && !quick.includes(needed)) quick.splice(0, 1, needed);
  amountFen = quick[needed > 0 ? 0 : 1];
  const field = make('input', { id: 'amount', inputmode: 'decimal', autocomplete: 'off', 'aria-describedby': 'pay-trouble' });
  const trouble = make('p', { id: 'pay-trouble', class: 'complaint', role: 'alert', hidden: true });
  const go = make('button', { class: 'go', onclick: () => pay(go, trouble) });
  const choices = quick.map((fen) => make('button', { class: 'quick', 'data-fen': fen, onclick: () => choose(fen, '') }, yuan(fen).replace('.00', '')));
  const choose = (fen, typed) => {
    amountFen = fen;
    field.value = typed;
    for (const each of choices) each.setAttribute('aria-pressed', String(Number(each.dataset.fen) === fen));
    setText(go, fen ? `交电费 ${yuan(fen)}` : '交电费');
    go.disabled = !fen;
  };
  field.addEventListener('input', () => {
    const fen = fenOf(field.value);
    choose(fen ?? 0, field.value);
    trouble.hidden = !field.value || fen !== null;
    if (!trouble.hidden) setText(trouble, '请填写金额，例如 100 或 88.50');
  });
  document.querySelector('#pay').replaceChildren(make('h2', {}, '交电费'), make('div', { class: 'choices' }, choices),
    make('label', { for: 'amount', class: 'own' }, '其他金额（元）', field), trouble, go);
  choose(amountFen, '');
}

async function pay(button, trouble) {
  button.disabled = true;
  trouble.hidden = true;
  try {
    const order = await api.beginTopUp(accounts[chosen].account_id, amountFen);
    if (order.pay) location.assign(api.sheetAddress(order));
    else await showTrack(order.order_no);
  } catch (error) {
    setText(trouble, error.message);
    trouble.hidden = false;
    button.disabled = false;
  }
}

async function drawUsage() {
  const place = document.querySelector('#usage');
  try {
    const found = await api.usage(accounts[chosen].account_id, firstDay(), localDay());
    place.replaceChildren(make('h2', {}, '每日用电（度）'), usageChart(found));
  } catch (error) {
    place.replaceChildren(make('h2', {}, '每日用电（度）'), make('p', { class: 'empty' }, error.message));
  }
}

async function showTrack(orderNo) {
  clearTimeout(timer);
  const track = make('section', { id: 'track', 'aria-live': 'polite' }, make('p', { class: 'empty' }, '正在确认付款结果…'));
  const back = make('button', { class: 'plain', onclick: () => {
    history.replaceState(null, '', `${location.pathname}?${new URLSearchParams({ name: person })}`);
    tell('');
    showHome().catch((error) => tell(error.message, true));
  } }, '返回首页');
  screen.replaceChildren(track, back);
  await loadHome();
  trackOrder(orderNo, track, () => { back.className = 'go'; });
}

function showBinding() {
  const field = make('input', { id: 'code', autocomplete: 'off', autocapitalize: 'characters' });
  const trouble = make('p', { class: 'complaint', role: 'alert', hidden: true });
  const go = make('button', { class: 'go', onclick: async () => {
    go.disabled = true;
    try {
      await api.bind(field.value.trim());
      await showHome();
    } catch (error) {
      setText(trouble, error.message);
      trouble.hidden = false;
      go.disabled = false;
    }
  } }, '绑定商铺');
  screen.replaceChildren(make('section', {}, make('h2', {}, '还没有绑定商铺'), make('p', { class: 'hint' }, '请输入物业当面交给您的绑定码'),
    make('label', { for: 'code', class: 'own' }, '绑定码', field), trouble, go));
}

// A page that comes back from the history after paying shows the truth, not its old picture.
window.addEventListener('pageshow', (event) => { if (event.persisted) location.reload(); });
start().catch((error) => {
  screen.replaceChildren(make('p', { class: 'empty' }, error.message), make('button', { class: 'go', onclick: () => location.reload() }, '重试'));
});
