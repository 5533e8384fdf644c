import { describe, expect, test } from 'vitest';
import { checkRemoteCommand } from '../../src/cli/remote-command.ts';
import { captureError } from '../helpers/capture-error.ts';

function check(command: string): string | undefined {
  return checkRemoteCommand(command.split(' '));
}

describe('a command that runs the receiver elsewhere', () => {
  test.each([
    ['docker exec builder ctxsync receive /src', 'write "docker exec -i"'],
    ['docker --context remote exec -u root builder ctxsync receive -i', '"docker exec" without -i'],
    ['docker container exec -e -i builder ctxsync receive /src', '"docker exec" without -i'],
    ['/usr/bin/podman exec c ctxsync receive /src', '"podman exec" without -i'],
    ['sudo nerdctl exec c ctxsync receive /src', '"nerdctl exec" without -i'],
    ['kubectl -n ci exec builder -c main -- ctxsync receive /src', '"kubectl exec" without -i'],
    ['oc exec builder -- ctxsync receive -i /src', '"oc exec" without -i'],
    ['ssh host docker exec c ctxsync receive /src', '"docker exec" without -i'],
    ['ssh -n host ctxsync receive /src', '"ssh -n"'],
    ['ssh -f -p 22 host ctxsync receive /src', '"ssh -f"'],
    ['docker exec -it c ctxsync receive /src', '"docker exec -it" asks for a terminal'],
    ['docker exec -i --tty c ctxsync receive /src', '"docker exec --tty" asks for a terminal'],
    ['podman exec -t -i c ctxsync receive /src', '"podman exec -t" asks for a terminal'],
    ['ssh -tt host ctxsync receive /src', '"ssh -tt"'],
    ['ssh -t -Ct host ctxsync receive /src', '"ssh -tt"'],
  ])('is refused: %s', (command, words) => {
    const { code, message } = captureError(() => check(command));
    expect(code).toBe('usage');
    expect(message).toContain(words);
  });

  test('is refused in one word for a shell, too', () => {
    const command = ['ssh', 'host', 'cd /src && docker exec c ctxsync receive .'];
    expect(captureError(() => checkRemoteCommand(command)).code).toBe('usage');
  });

  test.each(['kubectl exec -it builder -- ctxsync receive /src', 'oc exec builder -i --tty -- x'])(
    'only gets a warning where the program does without a terminal by itself: %s',
    (command) => {
      expect(check(command)).toContain('asks for a terminal');
    },
  );

  test.each([
    'docker exec -i builder ctxsync receive /src',
    'docker exec --interactive=true builder ctxsync receive /src',
    'docker -H tcp://host exec -ui builder ctxsync receive /src',
    'docker exec -i builder env -t ctxsync receive /src',
    'docker compose exec -T builder ctxsync receive /src',
    'kubectl exec builder -i -- ctxsync receive -t /src',
    'kubectl exec --stdin -n ci builder -- ctxsync receive /src',
    'podman exec -iu root builder ctxsync receive /src',
    'ssh host ctxsync receive /src',
    'ssh -t host ctxsync receive /src',
    'ssh -o ProxyCommand=nc -i key host ctxsync receive -n /src',
    'sh -c ctxsync receive docker exec x',
    'docker ctxsync receive exec',
    'ctxsync receive /srv/docker',
  ])('is accepted: %s', (command) => {
    expect(check(command)).toBeUndefined();
  });
});
