import { useRef, useState } from "preact/hooks";
import type { Browser } from "../state/browser.ts";
import { type Chosen, dropped, MOST, picked } from "../state/files.ts";
import { clean, count, plural, size } from "../words.ts";
import { Frame, Problem } from "./Frame.tsx";
import { Sign } from "./icons.tsx";
import { Text } from "./Text.tsx";

const TOO_MANY = `more than ${count(MOST)} files: put the folder by %rl_put instead`;
const LIVES: [string, string][] = [
  ["", "for ever"],
  ["1d", "1 day"],
  ["7d", "7 days"],
  ["30d", "30 days"],
  ["90d", "90 days"],
];

export function Upload({ b, files: given, close }: { b: Browser; files: Chosen[]; close(): void }) {
  const [files, setFiles] = useState(given.length > MOST ? [] : given);
  const [name, setName] = useState<string | null>(null);
  const [folder, setFolder] = useState(b.query.value.beneath ?? "");
  const [pairs, setPairs] = useState<[string, string][]>([]);
  const [ttl, setTtl] = useState("");
  const [error, fail] = useState(given.length > MOST ? TOO_MANY : "");
  const [over, setOver] = useState(false);
  const chooseFiles = useRef<HTMLInputElement>(null);
  const chooseFolder = useRef<HTMLInputElement>(null);
  const [first] = files;
  const one = files.length === 1 ? first : undefined;
  const sum = files.reduce((all, { file }) => all + file.size, 0);
  const prefix = folder && !folder.endsWith("/") ? `${folder}/` : folder;
  const nameOf = (path: string) => prefix + path;

  const add = (more: Chosen[]) => {
    const paths = new Set(more.map(({ path }) => path));
    const all = [...files.filter(({ path }) => !paths.has(path)), ...more];
    if (all.length > MOST) {
      fail(TOO_MANY);
      return;
    }
    fail("");
    setFiles(all);
  };
  const send = () => {
    const metadata: Record<string, string> = {};
    for (const [key, value] of pairs) {
      if (!key.trim() && !value.trim()) continue;
      if (!key.trim()) return fail("each value needs a key");
      if (key.trim().startsWith("rl.")) return fail("keys that begin with rl. are reserved");
      metadata[key.trim()] = value;
    }
    b.moves.send(
      files.map(({ path, file }) => ({
        name: one && name !== null ? name : nameOf(path),
        file,
        metadata,
        ttl: ttl || null,
      })),
    );
    if (files.length > 1) b.opened = b.panelOpen.value = true;
    close();
  };
  return (
    <Frame title="Upload" close={close}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (files.length) send();
        }}
      >
        <div
          class={over ? "drop over" : "drop"}
          onDragOver={(event) => {
            event.preventDefault();
            setOver(true);
          }}
          onDragLeave={() => setOver(false)}
          onDrop={(event) => {
            event.preventDefault();
            event.stopPropagation();
            setOver(false);
            if (event.dataTransfer) dropped(event.dataTransfer).then(add, () => fail("what was dropped can't be read"));
          }}
        >
          {files.length ? (
            <ul class="members">
              {files.slice(0, 200).map(({ path, file }) => (
                <li key={path}>
                  <span class="what" title={clean(path, 500)}>
                    <Text of={path} />
                  </span>
                  <span class="m">{size(file.size)}</span>
                  <button
                    type="button"
                    class="btn icon small"
                    aria-label={`Leave out ${clean(path, 100)}`}
                    onClick={() => setFiles(files.filter((each) => each.path !== path))}
                  >
                    <Sign of="close" />
                  </button>
                </li>
              ))}
            </ul>
          ) : (
            <p>Drop files or folders here</p>
          )}
          <div class="choose">
            <button
              type="button"
              class="btn"
              data-first={!files.length || undefined}
              onClick={() => chooseFiles.current?.click()}
            >
              Choose files
            </button>
            <button type="button" class="btn" onClick={() => chooseFolder.current?.click()}>
              Choose a folder
            </button>
            {files.length > 1 && (
              <span class="sub">
                {plural(files.length, "file")} · {size(sum)}
              </span>
            )}
          </div>
          <input
            ref={chooseFiles}
            type="file"
            multiple
            hidden
            onChange={(event) => event.currentTarget.files && add(picked(event.currentTarget.files))}
          />
          <input
            ref={chooseFolder}
            type="file"
            hidden
            {...{ webkitdirectory: true }}
            onChange={(event) => event.currentTarget.files && add(picked(event.currentTarget.files))}
          />
        </div>
        {one ? (
          <label>
            Name
            <input
              type="text"
              value={name ?? nameOf(one.path)}
              spellcheck={false}
              autocomplete="off"
              onInput={(event) => setName(event.currentTarget.value)}
            />
          </label>
        ) : (
          <label>
            Into folder
            <input
              type="text"
              value={folder}
              placeholder="none"
              spellcheck={false}
              autocomplete="off"
              onInput={(event) => setFolder(event.currentTarget.value)}
            />
          </label>
        )}
        <label>
          Keep
          <select value={ttl} onChange={(event) => setTtl(event.currentTarget.value)}>
            {LIVES.map(([value, words]) => (
              <option key={value} value={value}>
                {words}
              </option>
            ))}
          </select>
        </label>
        <div class="pairs" role="group" aria-label="Metadata">
          {pairs.map(([key, value], at) => {
            const change = (pair: [string, string]) =>
              setPairs(pairs.map((each, other) => (other === at ? pair : each)));
            return (
              <div class="pair" key={at}>
                <input
                  type="text"
                  aria-label="Key"
                  placeholder="key"
                  value={key}
                  spellcheck={false}
                  autocomplete="off"
                  onInput={(event) => change([event.currentTarget.value, value])}
                />
                <input
                  type="text"
                  aria-label="Value"
                  placeholder="value"
                  value={value}
                  spellcheck={false}
                  autocomplete="off"
                  onInput={(event) => change([key, event.currentTarget.value])}
                />
                <button
                  type="button"
                  class="btn icon small"
                  aria-label="Leave out"
                  onClick={() => setPairs(pairs.filter((_, other) => other !== at))}
                >
                  <Sign of="close" />
                </button>
              </div>
            );
          })}
          <button type="button" class="link" onClick={() => setPairs([...pairs, ["", ""]])}>
            {pairs.length ? "another" : "Add metadata"}
          </button>
          {pairs.length > 0 && <span class="sub"> metadata can't be changed later</span>}
        </div>
        <Problem text={error} />
        <div class="buttons">
          <button type="button" class="btn" onClick={close}>
            Cancel
          </button>
          <button
            type="submit"
            data-first={files.length > 0 || undefined}
            class="btn pri"
            disabled={!files.length || (one !== undefined && name === "")}
          >
            {files.length > 1 ? `Upload ${count(files.length)}` : "Upload"}
          </button>
        </div>
      </form>
    </Frame>
  );
}
