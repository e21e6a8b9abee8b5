// nodemailer: a pool of eight kept sessions.
const readline = require('readline');
const nodemailer = require('nodemailer');

const lines = readline.createInterface({input: process.stdin})[Symbol.asyncIterator]();
(async () => {
  const {port, count, letter} = JSON.parse((await lines.next()).value);
  const transport = nodemailer.createTransport({host: '127.0.0.1', port, pool: true, maxConnections: 8,
    maxMessages: Infinity, secure: false, ignoreTLS: true});
  const fill = (text, i) => text.replaceAll('{name}', '王伟' + i).replaceAll('{code}', String(i).padStart(10, '0'));
  const send = i => transport.sendMail({from: 'privacy@notices.example', to: `user.${i}@mail.example.cn`,
    subject: letter.subject, text: fill(letter.text, i), html: fill(letter.html, i), textEncoding: 'base64'});
  await send(0);
  console.log('ready');
  await lines.next();
  const began = process.hrtime.bigint(), used = process.cpuUsage();
  let i = 1;
  await Promise.all(Array.from({length: 16}, async () => { while (i <= count) await send(i++); }));
  const seconds = Number(process.hrtime.bigint() - began) / 1e9, cpu = process.cpuUsage(used);
  console.log(JSON.stringify({rate: count / seconds, cpu_us: (cpu.user + cpu.system) / count}));
  transport.close();
  process.exit(0);
})();
