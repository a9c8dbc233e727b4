// An Administrator watches: what happens in the shop appears on an open page by itself.
import { expect, signIn, test } from './support.mjs';

const tile = (page, title) => page.locator('.tiles div', { has: page.getByText(title, { exact: true }) }).locator('dd').first();

test('an open page follows a real event', async ({ page, browser }) => {
  await signIn(page, 'Administrator');
  await page.goto('/');
  await expect(page.locator('#live-says')).toHaveText('Live');
  const before = await tile(page, 'Applied').innerText();
  await page.evaluate(() => { window.isTheSame = true; });

  const other = await (await browser.newContext()).newPage();
  await signIn(other, 'Accountant');
  await other.goto('/enter/client');
  await other.locator('[name=client_id]').fill('LIVE-1');
  await other.locator('[name=name]').fill('Carla');
  await other.getByRole('button', { name: 'Send', exact: true }).last().click();
  await expect(other.getByText('counted after').first()).toBeVisible();

  await expect(tile(page, 'Applied')).not.toHaveText(before);
  expect(await page.evaluate(() => window.isTheSame), 'the page was not loaded anew').toBe(true);
});

test('the live switch stops it, and the page remembers that', async ({ page }) => {
  await signIn(page, 'Administrator');
  await page.goto('/');
  await page.getByRole('switch', { name: 'Live updates' }).click();
  await expect(page.locator('#live-says')).toHaveText('Not live');
  await page.reload();
  await expect(page.getByRole('switch', { name: 'Live updates' })).toHaveAttribute('aria-checked', 'false');
});

test('sales over time have a range and the same numbers as a table', async ({ page }) => {
  await signIn(page, 'Administrator');
  await page.goto('/charts');
  await page.getByRole('link', { name: 'All', exact: true }).click();
  await expect(page.locator('svg').first()).toBeVisible();
  await page.locator('.numbers summary').first().click();
  await expect(page.locator('.numbers table').first()).toBeVisible();
});

test('a rejected event is shown with what is wrong and its payload', async ({ page }) => {
  await signIn(page, 'Administrator');
  await page.goto('/rejected-events?reason=not_json');
  await expect(page.getByText('this is not JSON')).toBeVisible();
});
