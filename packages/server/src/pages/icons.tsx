// Small drawings, in the colour of the text beside them. All are decoration: the words next to them say the same.

/** Strokes on a 20 × 20 grid. */
const strokes = {
  alert: 'M10 6v4.5M10 13.6v.1M10 17.5a7.5 7.5 0 1 0 0-15 7.5 7.5 0 0 0 0 15Z',
  check: 'm4.5 10.5 3.8 3.8 7.2-8.1',
  circle: 'M10 15.5a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11Z',
  info: 'M10 9.5V14M10 6.4v.1M10 17.5a7.5 7.5 0 1 0 0-15 7.5 7.5 0 0 0 0 15Z',
  back: 'm11.5 5-5 5 5 5',
  forward: 'm8.5 5 5 5-5 5',
  down: 'm5 8 5 5 5-5',
  globe:
    'M10 17.5a7.5 7.5 0 1 0 0-15 7.5 7.5 0 0 0 0 15Zm0 0c2-2 3-4.5 3-7.5s-1-5.5-3-7.5c-2 2-3 4.5-3 7.5s1 5.5 3 7.5ZM2.7 10h14.6',
  mail: 'M3 5.5h14v9.5H3zM3.3 6l6.7 5 6.7-5',
  phone: 'M6 2.5h8v15H6zM9 14.8h2',
  laptop: 'M4 4.5h12v8.5H4zM2 15.5h16',
  key: 'M12.5 12a4.5 4.5 0 1 0-4.3-3.2L2.5 14.5v3h3v-2h2v-2h2l1.7-1.7c.4.1.8.2 1.3.2ZM13.5 6.5v.1',
  lock: 'M5 9h10v8H5zM7 9V6.5a3 3 0 0 1 6 0V9',
  user: 'M10 10a3.2 3.2 0 1 0 0-6.5 3.2 3.2 0 0 0 0 6.5ZM3.5 17c.7-3.2 3.2-5 6.5-5s5.8 1.8 6.5 5',
  apps: 'M3.5 3.5h5v5h-5zM11.5 3.5h5v5h-5zM3.5 11.5h5v5h-5zM11.5 11.5h5v5h-5z',
  clock: 'M10 5.5V10l3 2M10 17.5a7.5 7.5 0 1 0 0-15 7.5 7.5 0 0 0 0 15Z',
  link: 'M8.5 11.5a3 3 0 0 0 4.3 0l3-3a3 3 0 0 0-4.3-4.3l-1 1M11.5 8.5a3 3 0 0 0-4.3 0l-3 3a3 3 0 0 0 4.3 4.3l1-1',
  shield: 'M10 2.5l6 2.2v4.8c0 3.7-2.3 6.5-6 8-3.7-1.5-6-4.3-6-8V4.7z',
  trash: 'M4 5.5h12M8 5.5v-2h4v2M5.5 5.5l.7 11.5h7.6l.7-11.5M8.5 9v4.5M11.5 9v4.5',
  out: 'M8 3.5H4v13h4M12.5 6.5 16 10l-3.5 3.5M16 10H8',
}

export type IconName = keyof typeof strokes

/** A 20-pixel line drawing. `back` and `forward` turn round in right-to-left pages. */
export function Icon({ name }: { name: IconName }) {
  const turns = name === 'back' || name === 'forward' || name === 'out'
  return (
    <svg class={turns ? 'icon turns' : 'icon'} viewBox="0 0 20 20" width="20" height="20" aria-hidden="true">
      <path d={strokes[name]} />
    </svg>
  )
}
