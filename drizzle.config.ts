import { defineConfig } from 'drizzle-kit'

export default defineConfig({
  dialect: 'postgresql',
  schema: ['./regional/platform/schema.ts', './regional/modules/*/schema.ts'],
  out: './drizzle',
})
