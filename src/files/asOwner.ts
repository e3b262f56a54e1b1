/**
 * Work of root in a folder of another user is done as that user. Else root would leave files that the user's own
 * programs cannot replace, and whoever owns a folder could put links in it that root follows.
 *
 * The identity is that of the whole process while the work goes on: nothing else may be begun meanwhile that needs root.
 */
import { statSync } from 'node:fs';

/** `folder`: the one whose owner it is; where it is not there, or for others than root, the work is done as it is. */
export async function asOwner<T>(folder: string, work: () => T | Promise<T>): Promise<T> {
  const { geteuid, getegid, getgroups, seteuid, setegid, setgroups } = process;
  if (geteuid?.() !== 0 || !getegid || !getgroups || !seteuid || !setegid || !setgroups) return await work();
  const owner = statSync(folder, { throwIfNoEntry: false });
  if (owner === undefined || owner.uid === 0) return await work();
  const [group, groups] = [getegid(), getgroups()];
  setgroups([owner.gid]);
  setegid(owner.gid);
  seteuid(owner.uid);
  try {
    return await work();
  } finally {
    seteuid(0);
    setegid(group);
    setgroups(groups);
  }
}
