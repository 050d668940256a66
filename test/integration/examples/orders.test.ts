/** An order that does not come to its end gives back what it took, in the reverse order. */
import { describe, expect, test } from 'vitest';
import { TestMesh } from 'yardmaster/testing';
import { callsOf, startExample } from './example.ts';

describe('order-processing.yaml', () => {
  const params = { order: 'o-1', items: ['track'], total: 20 };

  async function open() {
    const mesh = await TestMesh.start();
    mesh.agent('order-validator').setResponse('validate', ({ total }) => ({ valid: total < 1_000 }));
    const inventory = mesh
      .agent('inventory')
      .setResponse('reserve', { reservation: 'r-1' })
      .setResponse('release', null);
    const payments = mesh.agent('payments').setResponse('charge', { receipt: 'p-1' }).setResponse('refund', null);
    const others = mesh.agent('other-payments').setResponse('charge', { receipt: 'q-1' });
    const warehouse = mesh.agent('warehouse').setResponse('fulfill', { parcel: 'b-1' });
    return { mesh, inventory, payments, others, warehouse };
  }

  test('runs its four steps one after the other, and undoes nothing when all went well', async () => {
    const { mesh, inventory, payments } = await open();
    await using _ = mesh;
    const run = await startExample(mesh, 'order-processing.yaml', params);
    await mesh.advance('1m');
    expect(run.order()).toEqual([
      'start validate-order#1 order-validator',
      'end validate-order#1 COMPLETED',
      'start check-inventory#1 inventory',
      'end check-inventory#1 COMPLETED',
      'start process-payment#1 payments',
      'end process-payment#1 COMPLETED',
      'start fulfill-order#1 warehouse',
      'end fulfill-order#1 COMPLETED',
    ]);
    expect((await run.result()).output).toEqual({ parcel: 'b-1', receipt: 'p-1' });
    expect([...callsOf(inventory), ...callsOf(payments)].some((call) => /release|refund/.test(call))).toBe(false);
  });

  test('gives back the money, then the goods, when the parcel cannot be sent', async () => {
    const { mesh, inventory, payments, warehouse } = await open();
    await using _ = mesh;
    warehouse.failWith('fulfill', 'NO_TRUCK');
    const run = await startExample(mesh, 'order-processing.yaml', params);
    await mesh.advance('10m');
    expect(run.history().map(({ path, outcome }) => `${path} ${outcome}`)).toEqual([
      'validate-order COMPLETED',
      'check-inventory COMPLETED',
      'process-payment COMPLETED',
      'fulfill-order FAILED',
      'fulfill-order FAILED',
      'fulfill-order FAILED',
      'refund COMPLETED',
      'release-stock COMPLETED',
    ]);
    expect(run.order().slice(-4)).toEqual([
      expect.stringMatching(/^start refund#1 /),
      'end refund#1 COMPLETED',
      'start release-stock#1 inventory',
      'end release-stock#1 COMPLETED',
    ]);
    expect(callsOf(payments).at(-1)).toBe('refund {"receipt":"p-1"}');
    expect(callsOf(inventory).at(-1)).toBe('release {"reservation":"r-1"}');
    expect((await run.result()).error).toMatchObject({ code: 'NO_TRUCK', step: 'fulfill-order' });
  });

  test('does so for a cancelled order, too', async () => {
    const { mesh, inventory, payments, warehouse } = await open();
    await using _ = mesh;
    warehouse.setDelay('fulfill', '1h');
    const run = await startExample(mesh, 'order-processing.yaml', params);
    await mesh.advance('1m');
    await run.cancel('the customer changed her mind');
    await mesh.advance('1m');
    expect(
      run
        .history()
        .map(({ path, outcome }) => `${path} ${outcome}`)
        .slice(-3),
    ).toEqual(['fulfill-order CANCELLED', 'refund COMPLETED', 'release-stock COMPLETED']);
    expect([inventory.calls.length, payments.calls.length]).toEqual([2, 2]);
    expect((await run.result()).status).toBe('CANCELLED');
  });

  test('charges elsewhere when the provider is down, and goes on with that receipt', async () => {
    const { mesh, payments, others, warehouse } = await open();
    await using _ = mesh;
    payments.failWith('charge', 'PROVIDER_DOWN');
    const run = await startExample(mesh, 'order-processing.yaml', params);
    await mesh.advance('5m');
    expect(
      run
        .history()
        .map(({ path, outcome }) => `${path} ${outcome}`)
        .slice(2),
    ).toEqual([
      'process-payment FAILED',
      'process-payment FAILED',
      'process-payment FAILED',
      'charge-elsewhere COMPLETED',
      'fulfill-order COMPLETED',
    ]);
    expect(others.calls).toHaveLength(1);
    expect(callsOf(warehouse)).toEqual(['fulfill {"receipt":"q-1","reservation":"r-1"}']);
    expect((await run.result()).output).toEqual({ parcel: 'b-1', receipt: 'q-1' });
  });

  test('a declined card is not charged elsewhere, and only the goods are given back', async () => {
    const { mesh, inventory, payments, others } = await open();
    await using _ = mesh;
    payments.failWith('charge', 'CARD_DECLINED');
    const run = await startExample(mesh, 'order-processing.yaml', params);
    await mesh.advance('5m');
    expect(run.history().map(({ path, outcome }) => `${path} ${outcome}`)).toEqual([
      'validate-order COMPLETED',
      'check-inventory COMPLETED',
      'process-payment FAILED',
      'release-stock COMPLETED',
    ]);
    expect(others.calls).toEqual([]);
    expect(callsOf(inventory)).toEqual(['reserve {"items":["track"],"order":"o-1"}', 'release {"reservation":"r-1"}']);
    expect((await run.result()).error).toMatchObject({ code: 'CARD_DECLINED', step: 'process-payment' });
  });

  test('an order that is not valid takes nothing, so there is nothing to give back', async () => {
    const { mesh, inventory } = await open();
    await using _ = mesh;
    const run = await startExample(mesh, 'order-processing.yaml', { ...params, total: 5_000 });
    await mesh.advance('1m');
    expect(run).toHaveHistory(['validate-order#1 FAILED']);
    expect(inventory.calls).toEqual([]);
    expect((await run.result()).status).toBe('FAILED');
  });
});
