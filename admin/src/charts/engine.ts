/** The parts of ECharts that are used, and no others: loaded with the first chart of a page. */
import { BarChart, LineChart } from 'echarts/charts'
import {
  DataZoomComponent,
  GridComponent,
  LegendComponent,
  MarkLineComponent,
  TooltipComponent,
} from 'echarts/components'
import { init, use, type EChartsType } from 'echarts/core'
import { CanvasRenderer } from 'echarts/renderers'

// The canvas needs no style that the page's policy (CSP) forbids; DOM tooltips do, so there are none.
use([BarChart, LineChart, GridComponent, LegendComponent, TooltipComponent, MarkLineComponent, DataZoomComponent, CanvasRenderer])

export type Chart = EChartsType

export function draw(place: HTMLElement): EChartsType {
  return init(place, undefined, { renderer: 'canvas' })
}
