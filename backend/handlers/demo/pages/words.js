/** Words and numbers for people: money from fen, energy from Wh, times in the mall's zone, ages. */

const ZONE = 'Asia/Shanghai';
const parts = new Intl.DateTimeFormat('zh-CN', {
  timeZone: ZONE, year: 'numeric', month: '2-digit', day: '2-digit',
  hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23',
});

/** The server's clock minus this browser's, in ms: ages must not depend on a wrong clock here. */
let offsetMs = 0;

export function noteServerTime(text) {
  const at = Date.parse(text ?? '');
  if (!Number.isNaN(at)) offsetMs = at - Date.now();
}

export function serverNow() {
  return Date.now() + offsetMs;
}

function group(whole) {
  return String(whole).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** -123456 → "-¥1,234.56"; integers only. null → "—". */
export function yuan(fen) {
  if (fen === null || fen === undefined) return '—';
  const abs = Math.abs(fen);
  const rest = abs % 100;
  return `${fen < 0 ? '-' : ''}¥${group((abs - rest) / 100)}.${String(rest).padStart(2, '0')}`;
}

/** "12", "12.3" or "12.34" yuan → fen; null for anything else. */
export function fenOf(text) {
  const match = /^(\d{1,7})(?:\.(\d{1,2}))?$/.exec(text.trim());
  return match ? Number(match[1]) * 100 + Number((match[2] ?? '').padEnd(2, '0')) : null;
}

/** 12345 Wh → "12.3" 度 (kWh), cut, with `digits` decimals. */
export function thousandths(value, digits = 1) {
  if (value === null || value === undefined) return '—';
  const abs = Math.abs(value);
  const rest = abs % 1000;
  const shown = String(rest).padStart(3, '0').slice(0, digits);
  return `${value < 0 ? '-' : ''}${group((abs - rest) / 1000)}.${shown}`;
}

export function days(left) {
  if (left === null || left === undefined) return '天数未知';
  return left < 1 ? '不足 1 天' : `约 ${Math.floor(left)} 天`;
}

function fields(text) {
  const found = {};
  for (const part of parts.formatToParts(new Date(text))) found[part.type] = part.value;
  return found;
}

/** "11-22 10:31:02"; "—" for null. */
export function when(text) {
  if (!text) return '—';
  const f = fields(text);
  return `${f.month}-${f.day} ${f.hour}:${f.minute}:${f.second}`;
}

export function clockTime(text) {
  if (!text) return '—';
  const f = fields(text);
  return `${f.hour}:${f.minute}:${f.second}`;
}

/** Local date `back` days ago as "2026-11-22". */
export function localDay(back = 0) {
  const f = fields(serverNow() - back * 86_400_000);
  return `${f.year}-${f.month}-${f.day}`;
}

export function ageS(text) {
  return text ? Math.max(0, (serverNow() - Date.parse(text)) / 1000) : null;
}

/** "12 秒前"; "从未" for null. */
export function age(text) {
  const seconds = ageS(text);
  if (seconds === null) return '从未';
  if (seconds < 3) return '刚刚';
  if (seconds < 60) return `${Math.floor(seconds)} 秒前`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} 分钟前`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} 小时前`;
  return `${Math.floor(seconds / 86_400)} 天前`;
}

/** Seconds between two instants, "3.2 秒". */
export function between(from, to) {
  if (!from || !to) return '';
  const tenths = Math.max(0, Math.round((Date.parse(to) - Date.parse(from)) / 100));
  if (tenths >= 36_000) return `${Math.floor(tenths / 36_000)} 小时`;
  if (tenths >= 1_200) return `${Math.floor(tenths / 600)} 分`;
  return `${Math.floor(tenths / 10)}.${tenths % 10} 秒`;
}

/** Make an element: `make('p', {class: 'a', onclick}, 'text', child)`. Text is always text. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (name in element && typeof value === 'boolean') element[name] = value;
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

/** Change text only where it differs: 350 cards stay cheap to keep fresh. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
