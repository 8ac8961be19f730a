import { defineConfig } from 'vitest/config'
import vue from '@vitejs/plugin-vue'
import Components from 'unplugin-vue-components/vite'
import { ElementPlusResolver } from 'unplugin-vue-components/resolvers'

// Where `npm run dev` finds the backend: the private listener.
const backend = process.env.BACKEND ?? 'http://127.0.0.1:8001'

/** What several screens share is named by all of them: too long for a file. */
const isShared = (name: string) => name.startsWith('shared~')

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
    rolldownOptions: {
      output: {
        // Few files: over HTTP/1.1 each one waits for one of six connections. What every screen needs is one
        // file; what several screens share comes in pieces that are worth a request.
        chunkFileNames: (chunk) => `assets/${isShared(chunk.name) ? 'shared' : '[name]'}-[hash].js`,
        assetFileNames: (asset) => `assets/${isShared(asset.names[0] ?? '') ? 'shared' : '[name]'}-[hash][extname]`,
        codeSplitting: {
          groups: [
            { name: 'base', tags: ['$initial'] },
            { name: 'shared', minShareCount: 2, entriesAware: true, entriesAwareMergeThreshold: 24_000 },
          ],
        },
      },
    },
  },
  server: { proxy: { '/api': { target: backend }, '/demo': { target: backend } } },
  test: { environment: 'happy-dom', server: { deps: { inline: ['element-plus'] } } },
})
