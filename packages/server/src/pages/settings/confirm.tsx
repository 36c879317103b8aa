// Asked before something ends that its owner may miss: what will happen, the button that does it, and the way to keep it.
import type { Vars } from '../../localization/words.ts'
import { draw } from '../draw.tsx'
import { Button, Buttons, Form, Lead } from '../parts.tsx'
import { T } from '../sentences.tsx'
import type { Visit } from '../visit.ts'

export type Asked = {
  title: { k: string; vars?: Vars }
  text: string
  /** Fields of the form that does it. */
  hidden: Readonly<Record<string, string>>
  submit: string
  /** The page that asks, where nothing has changed. */
  keep: string
}

/** Draws the question; its form posts to `keep`. */
export function confirm(visit: Visit, { title, text, hidden, submit, keep }: Asked): Response {
  const { words } = visit
  return draw(visit, {
    title,
    body: (
      <>
        <Lead>
          <T k={text} />
        </Lead>
        <Form action={keep} hidden={hidden}>
          <Buttons>
            <Button>{words(submit)}</Button>
            <Button kind="secondary" href={keep}>
              {words('common.keep')}
            </Button>
          </Buttons>
        </Form>
      </>
    ),
  })
}
