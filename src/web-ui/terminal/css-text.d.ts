// Style sheets come as their text (host/build/web-ui-bundle.ts).

declare module '*.css' {
  const text: string;
  export default text;
}
