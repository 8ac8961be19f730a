/** What a chart shows, and how our colours and fonts get into it. */
import type { BarSeriesOption, LineSeriesOption } from 'echarts/charts'
import type {
  DataZoomComponentOption,
  GridComponentOption,
  LegendComponentOption,
  MarkLineComponentOption,
  TooltipComponentOption,
} from 'echarts/components'
import type { ComposeOption } from 'echarts/core'

export type ChartOption = ComposeOption<
  | BarSeriesOption
  | LineSeriesOption
  | GridComponentOption
  | LegendComponentOption
  | TooltipComponentOption
  | MarkLineComponentOption
  | DataZoomComponentOption
>

export interface Theme {
  ink: string
  muted: string
  line: string
  surface: string
  font: string
}

// Told apart by lightness too, so that a print in grey is still read.
export const PALETTE = ['#1f5fd6', '#0b7a4b', '#a15c00', '#5b3fb5', '#b42318', '#4f82e0', '#5c6470']

/** Read the theme from the page's tokens (`theme.css`). */
export function themeOf(style: CSSStyleDeclaration): Theme {
  const of = (name: string, otherwise: string) => style.getPropertyValue(name).trim() || otherwise
  return {
    ink: of('--ink', '#1d2129'),
    muted: of('--muted', '#5c6470'),
    line: of('--line', '#e5e8ee'),
    surface: of('--surface', '#ffffff'),
    font: of('--font-family', 'sans-serif'),
  }
}

/** Put theme and what the page's policy asks for around an option; what the option says itself holds. */
export function themed(option: ChartOption, theme: Theme, isStill: boolean): ChartOption {
  const text = { color: theme.muted, fontFamily: theme.font, fontSize: 12 }
  const axis = {
    axisLabel: text,
    nameTextStyle: text,
    axisLine: { lineStyle: { color: theme.line } },
    axisTick: { lineStyle: { color: theme.line } },
    splitLine: { lineStyle: { color: theme.line } },
  }
  return {
    color: PALETTE,
    animation: !isStill,
    animationDuration: 300,
    textStyle: { fontFamily: theme.font, color: theme.ink },
    grid: { left: 8, right: 16, top: 40, bottom: 8, outerBoundsMode: 'same' },
    ...option,
    ...(option.legend ? { legend: eachOf(option.legend, { top: 0, textStyle: { ...text, color: theme.ink } }) } : {}),
    ...(option.xAxis ? { xAxis: eachOf(option.xAxis, axis) } : {}),
    ...(option.yAxis ? { yAxis: eachOf(option.yAxis, axis) } : {}),
    tooltip: {
      trigger: 'axis',
      backgroundColor: theme.surface,
      borderColor: theme.line,
      textStyle: { color: theme.ink, fontFamily: theme.font, fontSize: 13 },
      confine: true,
      ...option.tooltip,
      renderMode: 'richText',
    },
  } as ChartOption
}

function eachOf<T>(value: T, around: object): T {
  const join = (one: object) => ({ ...around, ...one })
  return (Array.isArray(value) ? value.map((one) => join(one as object)) : join(value as object)) as T
}
