// The program and its services run already: cli/tests/e2e/browser.rs and oidc.rs start them and say by the environment where
// they are.
import { defineConfig } from '@playwright/test';

const isRoot = process.getuid?.() === 0;

export default defineConfig({
  testDir: '.',
  testMatch: process.env.BROWSER_TESTS ?? '*.spec.mjs',
  workers: 1,
  // After so long something is given up that should come to pass. Never a measure of speed: other tests run beside these.
  timeout: 300_000,
  expect: { timeout: 120_000 },
  forbidOnly: true,
  reporter: [['list']],
  outputDir: process.env.BROWSER_OUTPUT,
  use: {
    baseURL: process.env.PAGE_URL,
    locale: 'en-GB',
    screenshot: 'only-on-failure',
    launchOptions: {
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
      // Chromium's own sandbox does not start for root.
      args: isRoot ? ['--no-sandbox'] : [],
    },
  },
});
