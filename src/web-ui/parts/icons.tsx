// The few icons of the page, drawn here: 16 by 16, in the colour of the text around them. They decorate;
// the words beside them or the button's label say what they mean.

const PATHS = {
  restart: 'M13 8a5 5 0 1 1-1.6-3.7M13 2.2v3h-3',
  stop: 'M4.5 4.5h7v7h-7z',
  start: 'M5.2 3.6v8.8L12 8z',
  pause: 'M5.5 4v8M10.5 4v8',
  download: 'M8 2.8v7M5 7.2 8 10.2l3-3M3 13h10',
  back: 'M9.8 3.5 5.3 8l4.5 4.5',
  open: 'M6.2 3.5 10.7 8l-4.5 4.5',
  power: 'M8 2.5v5M4.7 4.3a4.8 4.8 0 1 0 6.6 0',
  leave: 'M6.5 3H3.2v10h3.3M7 8h6M10.5 5.3 13.2 8l-2.7 2.7',
  search: 'M11 7a4 4 0 1 1-8 0 4 4 0 0 1 8 0zM10 10l3.2 3.2',
  wrap: 'M2.5 4h11M2.5 8h8.7a2.2 2.2 0 0 1 0 4.4H8M9.7 10.6 7.9 12.4l1.8 1.8M2.5 12.4h2.6',
  down: 'M8 3v9.4M4.3 8.8 8 12.5l3.7-3.7',
  warning: 'M8 2.6 14 13H2zM8 6.6v3M8 11.2v.1',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
