import { describe, expect, it } from 'vitest';
import { bootstrapFiles, kubeletConf } from '../../../src/pki/kubeconfig.ts';

// Not real PEM: kubeconfigs carry whatever they are given.
const authority = 'AUTHORITY\n';

describe('kubeconfigs', () => {
  it('for a kubelet point at the certificate that it rotates', async () => {
    const file = kubeletConf({ clusterName: 'demo', nodeName: 'cp1', server: 'https://10.87.0.11:6443', authority });
    expect(file).toMatchObject({ path: '/etc/kubernetes/kubelet.conf', mode: 0o600 });
    await expect(file.content).toMatchFileSnapshot('../../golden/pki/kubelet.conf');
  });

  it('for a joining kubelet carry the token and come with the authority', async () => {
    const token = 'abcdef.0123456789abcdef';
    const files = bootstrapFiles({ clusterName: 'demo', server: 'https://10.87.0.10:6443', authority, token });
    expect(files.map(({ path, mode }) => [path, mode])).toEqual([
      ['/etc/kubernetes/pki/ca.crt', 0o644],
      ['/etc/kubernetes/bootstrap-kubelet.conf', 0o600],
    ]);
    await expect(files[1]?.content).toMatchFileSnapshot('../../golden/pki/bootstrap-kubelet.conf');
  });
});
