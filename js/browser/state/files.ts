/** Files that were dropped or chosen, folders with all that is in them. */

export interface Chosen {
  /** With its folders, from what was dropped on. */
  path: string;
  file: File;
}

/** More than this at once is a mistake, or work for a magic. */
export const MOST = 1000;

/** Each with a path of its own: of two that are called the same, as two folders' files may be, the second is numbered. */
export function distinct(files: Chosen[]): Chosen[] {
  const taken = new Set<string>();
  return files.map(({ path, file }) => {
    let free = path;
    for (let n = 2; taken.has(free); n++) free = path.replace(/(\.[^./]+)?$/, ` (${n})$1`);
    taken.add(free);
    return { path: free, file };
  });
}

export async function dropped(transfer: DataTransfer): Promise<Chosen[]> {
  // At once: what is dropped can be asked for during its event only.
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.() ?? null);
  const files = [...transfer.files];
  if (!entries.some((entry) => entry?.isDirectory)) return distinct(files.map((file) => ({ path: file.name, file })));
  const all: Chosen[] = [];
  for (const entry of entries) if (entry) await walk(entry, "", all);
  return distinct(all);
}

export function picked(files: FileList): Chosen[] {
  return distinct([...files].slice(0, MOST + 1).map((file) => ({ path: file.webkitRelativePath || file.name, file })));
}

async function walk(entry: FileSystemEntry, folder: string, all: Chosen[]): Promise<void> {
  if (all.length > MOST) return;
  const path = folder + entry.name;
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
    all.push({ path, file });
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  for (;;) {
    // Chromium hands out a hundred at a time.
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return;
    for (const each of some) await walk(each, `${path}/`, all);
  }
}
