import { defineConfig } from 'vite'

export default defineConfig({
  root: import.meta.dirname,
  // The policy that start.ts sends allows no inline data but pictures.
  build: { assetsInlineLimit: 0, target: 'es2022' },
})
