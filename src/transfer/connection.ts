import type { Connection, Incoming, Outgoing } from '../transport/transport.ts';

/** Whether the transport goes both ways. */
export function isConnection(transport: Incoming | Outgoing | Connection): transport is Connection {
  return 'incoming' in transport;
}
