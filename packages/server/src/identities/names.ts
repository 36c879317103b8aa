// Names and domains that the built-in block lists know (authentication §1.1).

const list = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/))

/** Usernames that people would take for the service itself. */
export const reservedNames = list(`
  about abuse access account accounts activate admin administration administrator admins anonymous api app apps archive
  auth authentication authorization billing blog bot bots cdn client config contact copyright dashboard data delete dev
  developer developers dns docs domain download email everyone example faq feed feedback files finance forum ftp group
  groups guest help helpdesk home host hostmaster http https image images imap info inquiry internal invite invoice
  issue jobs legal license localhost log login logout mail mailer-daemon marketing master me media member members
  message messages mobile moderator my news newsletter nobody noc noreply no-reply notification null oauth official
  operator owner page password payment payments pop postmaster press privacy private profile project public register
  registration report root sales search secure security server service session settings setup shop signin signout
  signup site sitemap smtp ssl staff static stats status store subscribe superuser support sys sysadmin system team
  terms test tester tls tos undefined unsubscribe update upload user username users usenet uucp verify web webmail
  webmaster wiki www you`)

/** Where anyone gets an address for nothing. */
export const freeDomains = list(`
  126.com 139.com 163.com aim.com aol.com att.net bellsouth.net btinternet.com comcast.net cox.net daum.net duck.com
  email.com fastmail.com fastmail.fm free.fr freenet.de gmail.com gmx.at gmx.ch gmx.com gmx.de gmx.net googlemail.com
  hanmail.net hey.com hotmail.co.uk hotmail.com hotmail.de hotmail.es hotmail.fr hotmail.it icloud.com inbox.com
  inbox.ru laposte.net libero.it list.ru live.co.uk live.com live.fr live.nl mac.com mail.com mail.ru me.com msn.com
  naver.com orange.fr outlook.com outlook.de outlook.es outlook.fr outlook.jp pm.me proton.me protonmail.ch
  protonmail.com qq.com rediffmail.com rocketmail.com sbcglobal.net seznam.cz sina.com sky.com sohu.com t-online.de
  talktalk.net tiscali.it tutanota.com tutamail.com verizon.net virgilio.it wanadoo.fr web.de wp.pl yahoo.ca
  yahoo.co.in yahoo.co.jp yahoo.co.uk yahoo.com yahoo.com.br yahoo.com.hk yahoo.com.tw yahoo.de yahoo.es yahoo.fr
  yahoo.it yandex.com yandex.ru yeah.net ymail.com zoho.com`)

/** Where an address lives for minutes. */
export const disposableDomains = list(`
  10minutemail.com 10minutemail.net 20minutemail.com 33mail.com anonbox.net anonymbox.com burnermail.io byom.de
  crazymailing.com deadaddress.com discard.email discardmail.com dispostable.com dropmail.me emailondeck.com
  emailtemporanea.com fakeinbox.com fakemail.net filzmail.com getairmail.com getnada.com grr.la guerrillamail.biz
  guerrillamail.com guerrillamail.de guerrillamail.info guerrillamail.net guerrillamail.org guerrillamailblock.com
  harakirimail.com inboxbear.com inboxkitten.com incognitomail.org jetable.org linshiyouxiang.net mail-temp.com
  mail.tm mailcatch.com maildrop.cc mailexpire.com mailinator.com mailinator.net mailinator2.com mailnesia.com
  mailnull.com mailpoof.com mailsac.com minutemail.io mintemail.com moakt.com mohmal.com mt2015.com mytemp.email
  mytrashmail.com nada.email nowmymail.com owlymail.com pokemail.net sharklasers.com smailpro.com spam4.me
  spamavert.com spambog.com spambox.us spamex.com spamfree24.org spamgourmet.com spaml.com tempail.com tempinbox.com
  temp-mail.io temp-mail.org tempmail.dev tempmail.net tempmailo.com tempr.email throwawaymail.com tmail.ws
  tmpmail.net tmpmail.org trashmail.com trashmail.de trashmail.me trashmail.net trbvm.com wegwerfmail.de
  yopmail.com yopmail.fr yopmail.net`)
