import 'vue-router'

declare module 'vue-router' {
  interface RouteMeta {
    /** What the tab and the breadcrumb say. */
    title?: string
    /** The right that opens the screen; of several, any one does. Left out: whoever is signed in. */
    permission?: string | string[]
    /** false: without menu and top bar (sign-in, print, wall). */
    frame?: false
    /** Opens without a session. */
    open?: true
    /** Path of the screen that this one belongs under, for breadcrumb and menu. */
    parent?: string
  }
}
