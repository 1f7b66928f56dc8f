/** The page; it asks for `/state` every second and shows what it gets. */
export function page(name: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${name}</title>
<style>
  :root { color-scheme: light dark }
  body { font: 1.1rem/1.6 system-ui, sans-serif; max-width: 34rem; margin: 15vh auto; padding: 0 1rem }
  h1 { font-size: 2.2rem; margin-bottom: 0 }
  dl { display: grid; grid-template-columns: auto 1fr; gap: .3rem 1.5rem }
  dt { opacity: .65 }
  dd { margin: 0; font-variant-numeric: tabular-nums }
</style>
<h1>Hello from ${name}</h1>
<p>This page comes from a TypeScript program. PID 1 on this device is TypeScript, too.</p>
<dl></dl>
<script>
  const list = document.querySelector('dl');
  async function update() {
    const state = await (await fetch('/state')).json();
    list.replaceChildren(...Object.entries(state).flatMap(([name, value]) => {
      const term = document.createElement('dt');
      const description = document.createElement('dd');
      term.textContent = name;
      description.textContent = value;
      return [term, description];
    }));
  }
  update().catch(console.error);
  setInterval(() => update().catch(console.error), 1000);
</script>
</html>
`;
}
