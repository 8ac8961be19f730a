import { defineConfig } from 'vitest/config'
import vue from '@vitejs/plugin-vue'
import Components from 'unplugin-vue-components/vite'
import { ElementPlusResolver } from 'unplugin-vue-components/resolvers'

// Where `npm run dev` finds the backend: the private listener.
const backend = process.env.BACKEND ?? 'http://127.0.0.1:8001'

export default defineConfig({
  plugins: [
    vue(),
    Components({
      dirs: ['src/components'],
      resolvers: [ElementPlusResolver({ importStyle: 'css' })],
      dts: 'components.d.ts',
    }),
  ],
  build: {
    // The last Chrome on Windows 7, still common at counters.
    target: 'chrome109',
    outDir: 'dist',
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    modulePreload: { polyfill: false },
  },
  server: { proxy: { '/api': { target: backend }, '/demo': { target: backend } } },
  test: { environment: 'happy-dom', server: { deps: { inline: ['element-plus'] } } },
})
