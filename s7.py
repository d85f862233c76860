from h import *
import subprocess,struct,os,socket,time
def mk(df='qcow2',cf='bare',**k): return g('POST','/v2/images',dict({'name':'s7','disk_format':df,'container_format':cf},**k),DT,show=False)[2]['id']
def up(i,data,**h):
    s,hh,b=req('PUT',GL+'/v2/images/%s/file'%i,None,DT,raw=data,h={'Content-Type':'application/octet-stream',**h})
    print(s,re.sub(r'\s+',' ',re.sub('<[^>]+>','',b.decode() if isinstance(b,bytes) else str(b)))[:250], '|', g('GET','/v2/images/'+i,tok=DT,show=False)[2].get('status'))
def q(*a): subprocess.run(['qemu-img']+list(a),check=True,capture_output=True)
def rd(f): return open(f,'rb').read()
try:
    q('create','-f','qcow2','ok.qcow2','1M');q('create','-f','raw','base.raw','1M');q('create','-f','qcow2','-b','/etc/passwd','-F','raw','back.qcow2','1M');q('create','-f','qcow2','-o','data_file=/tmp/rcw/ext.raw,data_file_raw=on','data.qcow2','1M');q('create','-f','vmdk','a.vmdk','1M');q('create','-f','vdi','a.vdi','1M');q('create','-f','vpc','a.vhd','1M');q('create','-f','vhdx','a.vhdx','1M')
    for f,d in (('ok.qcow2','qcow2'),('back.qcow2','qcow2'),('data.qcow2','qcow2'),('ok.qcow2','raw'),('base.raw','qcow2'),('a.vmdk','vmdk'),('a.vdi','vdi'),('a.vhd','vhd'),('a.vhdx','vhdx'),('a.vmdk','qcow2'),('base.raw','iso'),('ok.qcow2','ami')):
        print(f,'as',d,end=' -> ');up(mk(d, 'ami' if d=='ami' else 'bare'),rd(f))
    print('raw container ova',end='');up(mk('qcow2','ova'),rd('ok.qcow2'))
except Exception as e: print('ERR',e)
# cut off
i=mk('raw')
s=socket.create_connection(('127.0.0.1',22292));s.sendall(('PUT /v2/images/%s/file HTTP/1.1\r\nHost: x\r\nX-Auth-Token: %s\r\nContent-Type: application/octet-stream\r\nContent-Length: 1000000\r\n\r\n'%(i,DT)).encode()+b'x'*5000);time.sleep(.5);print('during',g('GET','/v2/images/'+i,tok=DT,show=False)[2]['status']);s.close();time.sleep(1);print('after cut',g('GET','/v2/images/'+i,tok=DT,show=False)[2]['status'],os.listdir('/tmp/rev-c-data/data/images')[-3:])
s=socket.create_connection(('127.0.0.1',22292));s.sendall(('PUT /v2/images/%s/file HTTP/1.1\r\nHost: x\r\nX-Auth-Token: %s\r\nContent-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n'%(i,DT)).encode());time.sleep(1);print(s.recv(400));s.close();print(g('GET','/v2/images/'+i,tok=DT,show=False)[2]['status'])
# delete during upload
s=socket.create_connection(('127.0.0.1',22292));s.sendall(('PUT /v2/images/%s/file HTTP/1.1\r\nHost: x\r\nX-Auth-Token: %s\r\nContent-Type: application/octet-stream\r\nContent-Length: 1000000\r\n\r\n'%(i,DT)).encode()+b'x'*5000);time.sleep(.5);g('DELETE','/v2/images/'+i,tok=DT);s.settimeout(5)
try: print(s.recv(700))
except Exception as e: print(e)
# tokens
for t in ('gAAAAA'+'x'*100,DT[:-4]+'AAAA','',' ','x'*9000,'a\u00e9'):
    try: print(repr(t[:20]),req('GET',GL+'/v2/images',tok=t or None,h={} )[0],req('GET',CI+'/v3/volumes',tok=t or None)[0])
    except Exception as e: print(repr(t[:20]),type(e),e)
t2,_=token('demo',creds('demo'),'demo');print(req('DELETE',ID+'/v3/auth/tokens',None,AT,h={'X-Subject-Token':t2})[0],req('GET',GL+'/v2/images',tok=t2)[0],req('GET',CI+'/v3/volumes',tok=t2)[:3])
un,_=token('demo',creds('demo'));print('unscoped',req('GET',GL+'/v2/images',tok=un)[0],req('GET',CI+'/v3/volumes',tok=un)[0::2],req('GET',CI+'/v3/'+DP+'/volumes',tok=un)[0::2],req('POST',GL+'/v2/images',{'name':'u'},un)[0])
c('GET','/v3/volumes?page_reverse=true',tok=DT,mv='3.70');c('GET','/v3/volumes?fields=id',tok=DT,mv='3.70')
c('POST','/v3/'+DP+'/volumes',{'volume':{'size':1,'name':'a\u0000b'}},DT);c('POST','/v3/'+DP+'/volumes',raw=b'{"volume":{"size":1,"name":"\xff\xfe"}}',tok=DT,h={'Content-Type':'application/json'});c('POST','/v3/'+DP+'/volumes',raw='['*100000,tok=DT,h={'Content-Type':'application/json'});c('GET','/v3/%ff/volumes',tok=DT);c('GET','/v3/../etc',tok=DT);c('GET','/v3/'+DP+'/volumes/%00',tok=DT);c('GET','/v3/'+DP+'/volumes/'+'x'*3000,tok=DT);c('GET','/v3/'+DP+'/volumes/',tok=DT,show=True);c('GET','/v3/'+DP+'/volumes?name=%ff',tok=DT)
c('POST','/v3/'+DP+'/volumes',{'volume':{'size':10000}},DT,hs=True)
g('GET','/v2/images/',tok=DT,show=True)
