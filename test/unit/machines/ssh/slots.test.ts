import { describe, expect, it } from 'vitest';
import { silentContext } from '../../../../src/core/context.ts';
import { Slots } from '../../../../src/machines/ssh/slots.ts';
import { recordingContext } from '../../../helpers/context.ts';

describe('slots', () => {
  it('run no more at once than there are, in order, also after failures', async () => {
    const slots = new Slots(3);
    const order: number[] = [];
    let running = 0;
    let most = 0;
    const works = Array.from({ length: 20 }, (_, index) =>
      slots.use(silentContext(), async () => {
        order.push(index);
        running += 1;
        most = Math.max(most, running);
        await new Promise((resolve) => setTimeout(resolve, 2));
        running -= 1;
        if (index % 4 === 0) throw new Error('no');
      }),
    );
    await Promise.allSettled(works);
    expect(most).toBe(3);
    expect(order).toEqual(order.map((_, index) => index));
  });

  it('are not waited for by what was stopped, and none is lost', async () => {
    const slots = new Slots(1);
    let end = () => {};
    const first = slots.use(silentContext(), () => new Promise<void>((resolve) => (end = resolve)));
    const context = recordingContext();
    const stopped = slots.use(context, async () => 'never');
    const third = slots.use(silentContext(), async () => 'ran');
    context.abort.abort();
    await expect(stopped).rejects.toMatchObject({ code: 'ABORTED' });
    await expect(slots.use(context, async () => 'never')).rejects.toMatchObject({ code: 'ABORTED' });
    end();
    await first;
    expect(await third).toBe('ran');
    expect(await slots.use(silentContext(), async () => 'again')).toBe('again');
  });
});
