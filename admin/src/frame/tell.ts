/** Short words after an action, and a question before one. */
import 'element-plus/es/components/message/style/css'
import 'element-plus/es/components/message-box/style/css'
import { ElMessage, ElMessageBox } from 'element-plus'

export const tell = {
  done: (text: string) => ElMessage({ type: 'success', message: text, grouping: true }),
  note: (text: string) => ElMessage({ type: 'info', message: text, grouping: true }),
  problem: (text: string) => ElMessage({ type: 'error', message: text, grouping: true, duration: 6000, showClose: true }),
}

/** Ask before something that cannot be taken back; `verb` is on the button. The safe button has the focus. */
export async function isSure(question: string, verb: string, title = '请确认'): Promise<boolean> {
  try {
    await ElMessageBox.confirm(question, title, {
      confirmButtonText: verb,
      cancelButtonText: '取消',
      type: 'warning',
      autofocus: false,
      confirmButtonClass: 'el-button--danger',
    })
    return true
  } catch {
    return false
  }
}
