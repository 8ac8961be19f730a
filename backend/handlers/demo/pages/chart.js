/** Usage by day as bars: SVG made by hand, each bar with its words. */

import { localDay, make, thousandths } from './words.js';

const SVG = 'http://www.w3.org/2000/svg';
const DAYS = 14;
const WIDTH = 320;
const HEIGHT = 120;
const STEP = WIDTH / DAYS;

function draw(tag, attributes, text) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text) element.textContent = text;
  return element;
}

export const firstDay = () => localDay(DAYS - 1);

/** days: the API's list, days without data left out. Returns an element. */
export function usageChart(days) {
  const byDay = new Map(days.map((day) => [day.on, day]));
  const shown = Array.from({ length: DAYS }, (_, index) => localDay(DAYS - 1 - index));
  if (!days.some((day) => day.energy_wh > 0)) return make('p', { class: 'empty' }, '还没有用电记录');
  const most = Math.max(...days.map((day) => day.energy_wh));
  const total = days.reduce((sum, day) => sum + day.energy_wh, 0);
  const svg = draw('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT + 34}`, role: 'img', 'aria-label': `近 ${DAYS} 天共用电 ${thousandths(total)} 度` });
  shown.forEach((on, index) => {
    const day = byDay.get(on);
    const height = day ? Math.max(2, Math.round((day.energy_wh * HEIGHT) / most)) : 0;
    const left = index * STEP;
    if (day) {
      const isToday = index === DAYS - 1;
      const bar = draw('rect', { x: left + 3, y: HEIGHT + 14 - height, width: STEP - 6, height, rx: 2, class: isToday ? 'today' : 'bar' });
      bar.append(draw('title', {}, `${on}：${thousandths(day.energy_wh)} 度${day.estimated ? '（含估算）' : ''}`));
      svg.append(bar);
      if (day.energy_wh === most || isToday) {
        const at = Math.min(WIDTH - 14, Math.max(14, left + STEP / 2));
        svg.append(draw('text', { x: at, y: HEIGHT + 10 - height, class: 'value' }, thousandths(day.energy_wh)));
      }
    } else {
      svg.append(draw('line', { x1: left + 5, x2: left + STEP - 5, y1: HEIGHT + 13, y2: HEIGHT + 13, class: 'missing' }));
    }
    if ((DAYS - 1 - index) % 3 === 0) {
      const at = Math.min(WIDTH - 16, Math.max(16, left + STEP / 2));
      svg.append(draw('text', { x: at, y: HEIGHT + 30, class: 'day' }, on.slice(5)));
    }
  });
  return make('figure', {}, svg, make('figcaption', {}, `近 ${DAYS} 天共 ${thousandths(total)} 度，最右为今天`));
}
