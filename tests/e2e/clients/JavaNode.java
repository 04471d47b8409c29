// A Java node, by jinterface: registers, then sends back what it is sent, or connects to whom it is told to.
//
//   JavaNode NODE COOKIE         says "ready", echoes {Pid, Term} sent to `echo` until it is ended
//   JavaNode NODE COOKIE PEER    asks PEER for node() by rpc instead, and says what it answers

import com.ericsson.otp.erlang.OtpErlangList;
import com.ericsson.otp.erlang.OtpErlangPid;
import com.ericsson.otp.erlang.OtpErlangTuple;
import com.ericsson.otp.erlang.OtpMbox;
import com.ericsson.otp.erlang.OtpNode;
import com.ericsson.otp.erlang.OtpPeer;
import com.ericsson.otp.erlang.OtpSelf;

public class JavaNode {
    public static void main(String[] words) throws Exception {
        if (words.length > 2) {
            var connection = new OtpSelf(words[0], words[1]).connect(new OtpPeer(words[2]));
            connection.sendRPC("erlang", "node", new OtpErlangList());
            System.out.println(connection.receiveRPC());
            connection.close();
            return;
        }
        var node = new OtpNode(words[0], words[1]);
        OtpMbox mailbox = node.createMbox("echo");
        System.out.println("ready on port " + node.port());
        for (;;) {
            var message = (OtpErlangTuple) mailbox.receive();
            mailbox.send((OtpErlangPid) message.elementAt(0), message.elementAt(1));
        }
    }
}
