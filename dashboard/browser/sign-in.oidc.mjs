// People sign in with a provider of OpenID Connect: cli/tests/e2e/oidc.rs starts both sides.
import { accessible, expect, picture, test } from './support.mjs';

test.beforeEach(async ({ context }) => {
  // The provider's own pages ask for a font from elsewhere.
  await context.route('https://fonts.googleapis.com/**', (route) => route.fulfill({ contentType: 'text/css', body: '' }));
});

/** At the provider: says who it is, and lets the dashboard know. */
async function enter(page, name) {
  await page.locator('[name=login]').fill(name);
  await page.locator('[name=password]').fill('anything');
  await page.getByRole('button', { name: 'Sign-in' }).click();
  await page.getByRole('button', { name: 'Continue' }).click();
}

test('somebody signs in, comes to the page that was asked for, and signs out on both sides', async ({ page }) => {
  await page.goto('/clients?sort=-invoices');
  await accessible(page);
  await picture(page, 'sign-in-with-a-provider');
  await page.getByRole('link', { name: 'Sign in with' }).click();
  await enter(page, 'ann');
  await expect(page).toHaveURL('/clients?sort=-invoices');
  await page.getByRole('link', { name: 'Status' }).click();
  await expect(page.getByRole('banner')).toContainText('ann');

  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('button', { name: 'Yes, sign me out' }).click();
  await expect(page).toHaveURL('/sign-in');
  await page.getByRole('link', { name: 'Sign in with' }).click();
  await expect(page.locator('[name=login]'), 'the session with the provider has ended too').toBeVisible();
});

test('a role is what groups give', async ({ page }) => {
  await page.goto('/');
  await page.getByRole('link', { name: 'Sign in with' }).click();
  await enter(page, 'bob');
  await expect(page).toHaveURL('/product-winners');
  await expect(page.getByRole('link', { name: 'Status' })).toHaveCount(0);
});

test('who has no role is told who they are and whom to ask, and may be somebody else', async ({ page }) => {
  await page.goto('/clients');
  await page.getByRole('link', { name: 'Sign in with' }).click();
  await enter(page, 'eve');
  const problem = page.getByRole('alert');
  await expect(problem).toContainText('knows you as eve, but none of your groups has a role here (guests)');
  await expect(problem).toContainText('Ask whoever runs this dashboard');
  await accessible(page);
  await picture(page, 'no-role-by-a-provider');
  await page.getByRole('link', { name: 'Sign in as somebody else' }).click();
  await enter(page, 'bob');
  await expect(page).toHaveURL('/clients');
});

test('whoever turns round at the provider comes back without being signed in', async ({ page }) => {
  await page.goto('/sign-in?lang=de');
  await page.getByRole('link', { name: 'Mit' }).click();
  await page.getByRole('link', { name: 'Cancel' }).click();
  await expect(page.getByRole('alert')).toContainText('nicht eingelassen (access_denied)');
  await expect(page.getByRole('button', { name: 'Abmelden' })).toHaveCount(0);
});
