// An Accountant enters sales and uploads files; what was sent is counted, by a real Kafka, worker and database.
import { expect, picture, signIn, test } from './support.mjs';

test('an Accountant begins at the forms', async ({ page }) => {
  await signIn(page, 'Accountant');
  await expect(page).toHaveURL(/\/enter$/);
  expect((await page.goto('/rejected-events')).status()).toBe(403);
});

test('a sale of two lines is sent, counted, and found with its client', async ({ page }) => {
  await signIn(page, 'Accountant');
  await page.goto('/enter/sale');
  await page.getByRole('button', { name: 'Add a line' }).click();
  const lines = page.locator('fieldset.line');
  await expect(lines).toHaveCount(2);
  await page.locator('[name=invoice_id]').fill('BROWSER-1');
  await page.locator('[name=client_id]').fill('BROWSER-CLIENT');
  for (const [index, product] of ['A1', 'A2'].entries()) {
    await page.locator(`[name="items[${index}].product_id"]`).fill(product);
    await page.locator(`[name="items[${index}].quantity"]`).fill('2');
    await page.locator(`[name="items[${index}].unit_price"]`).fill(index === 0 ? 'much' : '1.50');
  }
  await page.getByRole('button', { name: 'Send', exact: true }).last().click();
  await expect(page.getByRole('alert')).toContainText('Nothing was sent yet');
  await expect(page.locator('[name="items[0].unit_price"]')).toHaveAttribute('aria-invalid', 'true');
  await expect(page.locator('[name=invoice_id]')).toHaveValue('BROWSER-1');
  await picture(page, 'sale-to-mend');
  await page.locator('[name="items[0].unit_price"]').fill('2.50');
  await page.getByRole('button', { name: 'Send', exact: true }).last().click();
  await expect(page.getByText('counted after').first()).toBeVisible();
  await picture(page, 'sale-counted');
  await page.goto('/client?id=BROWSER-CLIENT');
  await expect(page.getByText('8.00').first()).toBeVisible();
});

test('of an upload the bad cells are marked and only the good rows are sent', async ({ page }) => {
  await signIn(page, 'Accountant');
  await page.goto('/enter/upload');
  const text = 'InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID\n'
    + 'UP-1,A1,Lamp,2,2026-05-01,2.5,77001\nUP-2,A1,Lamp,many,2026-05-01,2.5,77001\n';
  await page.locator('input[type=file]').setInputFiles({ name: 'may.csv', mimeType: 'text/csv', buffer: Buffer.from(text) });
  await page.getByRole('button', { name: 'Read the file' }).click();
  await expect(page.locator('td.wrong')).toContainText('many');
  await picture(page, 'upload-preview');
  await page.getByRole('button', { name: /^Send/ }).click();
  await expect(page.getByText('Sent and counted')).toBeVisible();
  await page.goto('/client?id=77001');
  await expect(page.getByText('5.00').first()).toBeVisible();
});
