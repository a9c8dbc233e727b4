// A User looks, searches and takes along; and is refused what others may.
import { readFile } from 'node:fs/promises';
import { expect, signIn, test } from './support.mjs';

test('whoever is not known signs in first, and a wrong password is refused', async ({ page }) => {
  await page.goto('/clients?q=ann');
  await expect(page).toHaveURL(/\/sign-in/);
  await page.getByLabel('Name').fill('nobody');
  await page.getByLabel('Password').fill('not the password');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page.getByRole('alert')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Sign out' })).toHaveCount(0);
});

test('a User sees the views and not the status', async ({ page }) => {
  await signIn(page, 'User');
  await expect(page).toHaveURL(/\/product-winners/);
  const names = await page.getByRole('navigation', { name: 'Pages' }).getByRole('link').allTextContents();
  expect(names).toEqual(['Product winners', 'Stock at risk', 'Clients']);
  for (const path of ['/rejected-events', '/enter/sale', '/charts', '/api/v1/status']) {
    const answer = await page.goto(path);
    expect(answer.status(), path).toBe(403);
  }
  await page.goto('/');
  await expect(page).toHaveURL(/\/product-winners/);
});

test('a User filters clients, orders them, keeps the address and takes the file', async ({ page }) => {
  await signIn(page, 'User');
  await page.goto('/clients');
  await page.getByText('Filters', { exact: true }).click();
  await page.getByLabel('Gold').check();
  await page.getByRole('button', { name: 'Apply' }).first().click();
  await expect(page).toHaveURL(/loyalty_tier=Gold/);
  await expect(page.getByRole('row', { name: /C1/ })).toBeVisible();
  await expect(page.getByRole('row', { name: /C2/ })).toHaveCount(0);
  await page.getByRole('columnheader', { name: 'Invoices' }).getByRole('link').click();
  await expect(page.getByRole('columnheader', { name: 'Invoices' })).toHaveAttribute('aria-sort', 'descending');
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'CSV' }).click()]);
  const lines = (await readFile(await download.path(), 'utf8')).trim().split('\n');
  expect(lines).toHaveLength(2);
  expect(lines[1]).toContain('C1');
  const address = page.url();
  await page.goto('/product-winners');
  await page.goto(address);
  await expect(page.getByRole('row', { name: /C1/ })).toBeVisible();
});

test('a session ends by signing out', async ({ page }) => {
  await signIn(page, 'User');
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.goto('/clients');
  await expect(page).toHaveURL(/\/sign-in/);
});

test('the keyboard reaches the content and every control', async ({ page }) => {
  await signIn(page, 'User');
  await page.goto('/clients');
  await page.keyboard.press('Tab');
  await expect(page.getByRole('link', { name: 'Skip to the content' })).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(page.locator('#content')).toBeFocused();
  await page.getByRole('searchbox').focus();
  await page.keyboard.type('Ann');
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/q=Ann/);
  await expect(page.getByRole('row', { name: /C1/ })).toBeVisible();
});

test.describe('without scripts', () => {
  test.use({ javaScriptEnabled: false });

  test('everything a User does works', async ({ page }) => {
    await signIn(page, 'User');
    await page.goto('/clients');
    await page.getByRole('searchbox').fill('Bob');
    await page.getByRole('button', { name: 'Apply' }).first().click();
    await expect(page.getByRole('row', { name: /C2/ })).toBeVisible();
    await expect(page.getByRole('row', { name: /C1/ })).toHaveCount(0);
    await page.getByRole('link', { name: 'Bob' }).click();
    await expect(page).toHaveURL(/\/client\?id=C2/);
  });
});
