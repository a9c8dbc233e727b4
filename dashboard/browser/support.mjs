// What all tests share: readers who sign in, a browser whose complaints fail the test, pictures.
import { join } from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import { test as base, expect } from '@playwright/test';

export { expect };

/** A name and password for each role: from the test that made them. */
const readers = JSON.parse(process.env.READERS ?? '{}');

/** A test whose page must not complain: no error in the console, none of a script, nothing that its policy forbids. */
export const test = base.extend({
  complaints: async ({ context }, use) => {
    const complaints = [];
    context.on('weberror', (error) => complaints.push(`script: ${error.error()}`));
    context.on('console', (message) => {
      // A page that is refused is an error of its own, and what the test is about.
      const isRefusal = /Failed to load resource.*status of 4(0|2)[0-9]/.test(message.text());
      if (message.type() === 'error' && !isRefusal) complaints.push(`console: ${message.text()}`);
    });
    await use(complaints);
    expect(complaints).toEqual([]);
  },
  page: async ({ page, complaints: _ }, use) => use(page),
});

/** Signs in by the form, as a person does. */
export async function signIn(page, role) {
  await page.goto('/sign-in');
  await page.getByLabel('Name').fill(readers[role].name);
  await page.getByLabel('Password').fill(readers[role].password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page.getByRole('button', { name: 'Sign out' })).toBeVisible();
}

/** Finds nothing that keeps people out (WCAG 2.2 AA and what axe calls best practice). */
export async function accessible(page) {
  const { violations } = await new AxeBuilder({ page }).analyze();
  const told = violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((node) => node.html).join(' | ')}`);
  expect.soft(told, page.url()).toEqual([]);
}

/** Keeps a picture. */
export async function picture(page, name) {
  await page.screenshot({ path: join(process.env.BROWSER_OUTPUT, 'pictures', `${name}.png`), fullPage: true });
}
