import { describe, expect, it } from 'vitest';
import { parseJson, toHex } from '../../../src/etcd/etcdctl.ts';

describe('etcdctl output', () => {
  it('keeps 64-bit member ids exact', () => {
    const parsed = parseJson<{ header: { member_id: string }; small: number }>(
      '{"header":{"member_id":16133286563316302127},"small":12}',
    );
    expect(parsed).toEqual({ header: { member_id: '16133286563316302127' }, small: 12 });
    expect(toHex(parsed.header.member_id)).toBe('dfe4f2a6ca0d012f');
  });

  it('leaves digits inside strings alone', () => {
    expect(parseJson('{"name":"1613328656331630212","list":[16133286563316302127,1]}')).toEqual({
      name: '1613328656331630212',
      list: ['16133286563316302127', 1],
    });
  });
});
