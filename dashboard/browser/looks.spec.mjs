// Every page in every look: nothing keeps people out, nothing complains, nothing is wider than the screen.
import { accessible, expect, picture, signIn, test } from './support.mjs';

const PAGES = {
  status: '/',
  winners: '/product-winners',
  risks: '/loss-risk-products',
  clients: '/clients?loyalty_tier=Gold&loyalty_tier=Bronze&sort=-invoices',
  product: '/product?id=A1',
  client: '/client?id=C1',
  charts: '/charts?range=all',
  rejected: '/rejected-events',
  nothing: '/clients?q=nobody-is-called-so',
  missing: '/no-such-page',
  enter: '/enter',
  sale: '/enter/sale',
  record: '/enter/product',
  'client-record': '/enter/client',
  upload: '/enter/upload',
  api: '/api',
};

const LOOKS = {
  light: { colorScheme: 'light', viewport: { width: 1280, height: 900 } },
  dark: { colorScheme: 'dark', viewport: { width: 1280, height: 900 } },
  phone: { colorScheme: 'light', viewport: { width: 390, height: 844 }, hasTouch: true },
  'phone-dark': { colorScheme: 'dark', viewport: { width: 390, height: 844 }, hasTouch: true },
};

for (const [look, options] of Object.entries(LOOKS)) {
  test.describe(look, () => {
    test.use(options);

    test('the sign-in', async ({ page }) => {
      await page.goto('/sign-in');
      await accessible(page);
      await picture(page, `sign-in-${look}`);
    });

    test('all pages', async ({ page }) => {
      test.setTimeout(900_000);
      await signIn(page, 'Administrator');
      for (const [name, path] of Object.entries(PAGES)) {
        await page.goto(path);
        await expect(page.locator('h1')).toHaveCount(1);
        await accessible(page);
        const wider = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        expect.soft(wider, `${path} is wider than the screen`).toBeLessThanOrEqual(0);
        await picture(page, `${name}-${look}`);
      }
    });
  });
}

test.describe('a wall', () => {
  test.use({ colorScheme: 'dark', viewport: { width: 1920, height: 1080 } });

  test('a screen on it', async ({ page }) => {
    await signIn(page, 'Administrator');
    await page.goto('/?kiosk=1');
    await expect(page.getByRole('navigation')).toBeHidden();
    await accessible(page);
    await picture(page, 'kiosk');
  });
});

for (const [lang, title] of [['fr', 'Clients'], ['de', 'Kunden']]) {
  test(`the pages in ${lang}`, async ({ page }) => {
    await signIn(page, 'Administrator');
    await page.goto(`/clients?lang=${lang}`);
    await expect(page.locator('html')).toHaveAttribute('lang', lang);
    await expect(page.locator('h1')).toHaveText(title);
    await page.goto('/product-winners');
    await expect(page.locator('html')).toHaveAttribute('lang', lang);
    await accessible(page);
    await picture(page, `winners-${lang}`);
  });
}
