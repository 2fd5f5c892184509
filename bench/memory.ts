import { readFileSync } from 'node:fs';

/** Peak resident memory of a process, bytes (VmHWM of proc(5)); 0 when it is gone. Default: this one. */
export function peakMemory(pid: number | 'self' = 'self'): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}
