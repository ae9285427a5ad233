import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** What a Service is to its pods: one address, in front of whichever of them are routed to. */
export interface Balancer {
  readonly port: number;
  /** New connections go to these ports of this host, in turn; those that are there stay. */
  route(...ports: number[]): void;
  close(): Promise<void>;
}

/** Listens on a port of this host that is free. */
export async function startBalancer(): Promise<Balancer> {
  let targets: number[] = [];
  let turn = 0;
  const open = new Set<Socket>();
  const server = createServer((incoming) => {
    const target = targets[turn++ % Math.max(1, targets.length)];
    if (target === undefined) {
      incoming.destroy();
      return;
    }
    const outgoing = connect(target, '127.0.0.1');
    for (const [from, to] of [
      [incoming, outgoing],
      [outgoing, incoming],
    ] as const) {
      open.add(from);
      from.on('error', () => to.destroy());
      from.on('close', () => open.delete(from));
      from.pipe(to);
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    route: (...ports) => {
      targets = ports;
    },
    close: async () => {
      server.close();
      for (const socket of open) socket.destroy();
      await once(server, 'close');
    },
  };
}
